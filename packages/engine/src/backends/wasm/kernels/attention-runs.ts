import { PAGE_LENGTH } from '../../backend.ts'
import { type F32, type I32, lane, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { paddedDimension, STRIPE } from '../layout/key-value-pages.ts'
import { multiplyAdd } from './multiply-add.ts'
import { constantsOfPower, powerOfTwo } from './power-of-two.ts'

/**
 * Pages of a run. Attention adds up each run of pages by itself and then joins the runs in their order: where a run
 * begins depends on positions only, so whether one thread goes through all of them or several through one each, what
 * comes is the same to the bit.
 */
export const RUN_PAGES = 8

export const RUN_TOKENS = RUN_PAGES * PAGE_LENGTH

/** The largest score and the sum of exponentials, and as much that is unused. */
const RUNNING_ROOM = 16

/** Bytes of what is kept of a run for a query: the weighted sum of values, then the running softmax. */
export function runBytes(headDimension: number): number {
  return 4 * paddedDimension(headDimension) + RUNNING_ROOM
}

/** The same for sums of so many bytes, in emitted code. */
export function runBytesOf(width: I32): I32 {
  return sum(width, RUNNING_ROOM)
}

/** Emits `keep_run`: copies a query's running softmax and its sums, of `width` bytes, to `kept`. */
export function keepRunFunction(): FunctionBuilder {
  const f = new FunctionBuilder('keep_run')
  const { kept, running, sums, width } = f.parameterList('kept', 'running', 'sums', 'width')
  f.copy(kept, sums, width)
  const keptRunning = f.let('keptRunning', sum(kept, width))
  for (const offset of [0, 4]) f.store('f32.store', keptRunning, offset, load('f32.load', running, offset))
  return f
}

/**
 * Emits `join_run`: adds a run to what is kept. Maxima are of scores times log2(e), see softmax-page.ts.
 * @param fused multiply and add round once, where the machine does so
 */
export function joinRunFunction(fused: boolean): FunctionBuilder {
  const f = new FunctionBuilder('join_run')
  const { kept, running, sums, width } = f.parameterList('kept', 'running', 'sums', 'width')
  const keptRunning = f.let('keptRunning', sum(kept, width))
  const maximum = f.let('maximum', load('v128.load32_splat', keptRunning))
  const other = f.let('other', load('v128.load32_splat', running))
  const largest = f.let('largest', op('f32x4.pmax', maximum, other))
  const constants = constantsOfPower(f)
  const factorOf = (of: typeof maximum) =>
    powerOfTwo(f, op('f32x4.sub', of, largest), constants, (a, b, c) => multiplyAdd(a, b, c, fused))
  const [factor, otherFactor] = [factorOf(maximum), factorOf(other)]
  const scaled = (total: I32, by: typeof factor): F32 =>
    op('f32.mul', load('f32.load', total, 4), lane('f32x4.extract_lane', by, 0))
  f.store('f32.store', keptRunning, 4, op('f32.add', scaled(keptRunning, factor), scaled(running, otherFactor)))
  f.store('f32.store', keptRunning, 0, lane('f32x4.extract_lane', largest, 0))
  const [target, source] = [f.let('target', kept), f.let('source', sums)]
  f.forRange(target, keptRunning, 16, () => {
    const before = op('f32x4.mul', load('v128.load', target), factor)
    const added = op('f32x4.mul', load('v128.load', source), otherFactor)
    f.store('v128.store', target, 0, op('f32x4.add', before, added))
    f.increase(source, 16)
  })
  return f
}

/**
 * Emits `write_attended`: output = sums divided by the sum of exponentials. A head's columns beyond whole vectors are written
 * one by one.
 */
export function writeAttendedFunction(): FunctionBuilder {
  const f = new FunctionBuilder('write_attended')
  const { output, sums, running, headDimension } = f.parameterList('output', 'sums', 'running', 'headDimension')
  const source = f.let('source', sums)
  const target = f.let('target', output)
  const total = f.let('total', load('f32.load', running, 4))
  const end = f.let('end', sum(target, op('i32.mul', headDimension, 4)))
  f.forRange(target, op('i32.sub', end, 15), 16, () => {
    f.store('v128.store', target, 0, op('f32x4.div', load('v128.load', source), op('f32x4.splat', total)))
    f.increase(source, 16)
  })
  f.forRange(target, end, 4, () => {
    f.store('f32.store', target, 0, op('f32.div', load('f32.load', source), total))
    f.increase(source, 4)
  })
  return f
}

/** The functions that deal with runs. */
export interface RunParts {
  readonly keepRun: FunctionBuilder
  readonly joinRun: FunctionBuilder
  readonly writeAttended: FunctionBuilder
}

/**
 * Emits `join_runs`, for runs that were units of their own: joins all that a token sees, for each of its heads, and writes the
 * output. [from, to) counts tokens; `kept` has for each of them room for `runs` runs, and in each of these for the heads.
 */
export function joinRunsKernel({ joinRun, writeAttended }: RunParts): FunctionBuilder {
  const f = new FunctionBuilder('join_runs')
  const { kept, runs, positions } = f.parameterList('kept', 'runs', 'positions')
  const { output, outputStride, heads, headDimension } = f.parameterList(
    ...(['output', 'outputStride', 'heads', 'headDimension'] as const),
  )
  const { from, to } = f.parameterList('from', 'to')
  const width = f.let('width', op('i32.mul', op('i32.and', sum(headDimension, STRIPE - 1), -STRIPE), 4))
  const stride = f.let('stride', op('i32.mul', heads, runBytesOf(width)))
  const [head, run, count] = [f.local('head', 'i32'), f.local('run', 'i32'), f.local('count', 'i32')]
  const token = f.let('token', from)
  f.forRange(token, to, 1, () => {
    const seen = sum(load('i32.load', sum(positions, op('i32.mul', token, 4))), RUN_TOKENS)
    f.set(count, op('i32.div_u', seen, RUN_TOKENS))
    f.set(head, 0)
    f.forRange(head, heads, 1, () => {
      const first = f.let('first', sum(kept, op('i32.mul', op('i32.mul', token, runs), stride)))
      f.increase(first, op('i32.mul', head, runBytesOf(width)))
      const next = f.let('next', first)
      f.set(run, 1)
      f.forRange(run, count, 1, () => {
        f.increase(next, stride)
        f.call(joinRun, first, sum(next, width), next, width)
      })
      const target = sum(
        output,
        op('i32.mul', token, outputStride),
        op('i32.mul', head, op('i32.mul', headDimension, 4)),
      )
      f.call(writeAttended, target, first, sum(first, width), headDimension)
    })
  })
  return f
}
