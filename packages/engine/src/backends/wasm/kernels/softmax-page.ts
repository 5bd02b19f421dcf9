import { PAGE_LENGTH } from '../../backend.ts'
import { type I32, lane, load, op, sum, type V128, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { type IntegerCacheType, STRIPE } from '../layout/key-value-pages.ts'
import { RUNNING_BYTES, SCORE_BYTES } from './attention-unit.ts'
import { multiplyAdd } from './multiply-add.ts'
import { constantsOfPower, powerOfTwo } from './power-of-two.ts'
import { largestEverywhere, sumOfLanes } from './reduce.ts'
import { declareSizes, emitRounding, emptySizes, include, operandScale } from './round-integers.ts'

/**
 * Emits `softmax_page`: takes the scores of queries with a page's keys into their running softmax. With the new maximum m' of
 * all scores that a query has had, scores become weightFactor exp(scale score - m'), the keys from `count` on zero.
 * `running` holds its maximum and its sum of exponentials; that and the weighted sums of values (`width` bytes) are rescaled by
 * exp(m - m'). All is done in powers of 2, which are less work: the maximum is that of scores times log2(e).
 * @param fused multiply and add round once, where the machine does so
 */
export function softmaxPageFunction(fused: boolean): FunctionBuilder {
  const f = new FunctionBuilder('softmax_page')
  const parameters = declareSoftmax(f)
  const weightFactor = f.parameter('weightFactor', 'f32')
  const factor = f.let('factorOfAll', op('f32x4.splat', weightFactor))
  emitSoftmax(f, fused, parameters, {
    weigh: (exponentials) => op('f32x4.mul', exponentials, factor),
  })
  return f
}

/**
 * Emits `softmax_page_TYPE`, the same for values that are integers with scales: the weights times the scales of their
 * values become i16 in the place of the scores, and their scale stands behind those of 64 keys (round-integers.ts). The
 * scales of values lie 16 together, `stripeBytes` apart.
 */
export function softmaxPageToIntegersFunction(type: IntegerCacheType, fused: boolean): FunctionBuilder {
  const f = new FunctionBuilder(`softmax_page_${type}`)
  const parameters = declareSoftmax(f)
  const { valueScales, stripeBytes } = f.parameterList('valueScales', 'stripeBytes')
  const { scores } = parameters
  const sizes = declareSizes(f)
  const [from, to] = [f.local('from', 'i32'), f.local('to', 'i32')]
  emitSoftmax(f, fused, parameters, {
    before: () => emptySizes(f, sizes),
    weigh: (exponentials, i) => {
      const stripe = op('i32.mul', op('i32.div_u', i, 4 * STRIPE), stripeBytes)
      const scales = load('v128.load', sum(valueScales, stripe, op('i32.and', i, 4 * STRIPE - 1)))
      const weighted = op('f32x4.mul', exponentials, scales)
      // Behind the last key may stand anything, and not everything times 0 is 0.
      const seen = f.let('seen', op('v128.and', weighted, op('f32x4.gt', exponentials, zeroVector())))
      include(f, sizes, seen)
      return seen
    },
    after: () => {
      const scale = f.let('weightScale', operandScale(f, sizes, type))
      f.set(from, scores)
      f.set(to, scores)
      emitRounding(f, from, sum(scores, SCORE_BYTES), to, scale)
      f.store('f32.store', scores, 2 * PAGE_LENGTH, scale)
    },
  })
  return f
}

function declareSoftmax(f: FunctionBuilder) {
  const { scores, queries, count } = f.parameterList('scores', 'queries', 'count')
  const scale = f.parameter('scale', 'f32')
  return { scores, queries, count, scale, ...f.parameterList('running', 'sums', 'width') }
}

/** What becomes of the exponentials of a query. */
interface Weighing {
  readonly before?: () => void
  /** What is stored for four keys, the first of which is `i` bytes behind that of the page. */
  readonly weigh: (exponentials: Local<'v128'>, i: I32) => V128
  readonly after?: () => void
}

function emitSoftmax(
  f: FunctionBuilder,
  fused: boolean,
  { scores, queries, count, scale, running, sums, width }: ReturnType<typeof declareSoftmax>,
  { before, weigh, after }: Weighing,
): void {
  const constants = constantsOfPower(f)
  const power = (y: V128): Local<'v128'> => powerOfTwo(f, y, constants, (a, b, c) => multiplyAdd(a, b, c, fused))
  const factors = f.let('scales', op('f32x4.splat', op('f32.mul', scale, Math.LOG2E)))
  const [i, end] = [f.local('i', 'i32'), f.let('end', sum(scores, op('i32.mul', queries, SCORE_BYTES)))]
  const scaled = op('f32x4.mul', load('v128.load', sum(scores, i)), factors)
  const [maximum, largest] = [f.local('maximum', 'v128'), f.local('largest', 'v128')]
  const total = f.local('total', 'v128')
  f.forRange(scores, end, SCORE_BYTES, () => {
    f.set(i, op('i32.mul', count, 4))
    f.forRange(i, SCORE_BYTES, 4, () => f.store('f32.store', sum(scores, i), 0, Number.NEGATIVE_INFINITY))

    f.set(maximum, load('v128.load32_splat', running))
    f.set(largest, maximum)
    f.set(i, 0)
    f.forRange(i, SCORE_BYTES, 16, () => f.set(largest, op('f32x4.pmax', largest, scaled)))
    f.set(largest, largestEverywhere(f, largest))

    before?.()
    f.set(total, zeroVector())
    f.set(i, 0)
    f.forRange(i, SCORE_BYTES, 16, () => {
      const exponentials = power(op('f32x4.sub', scaled, largest))
      f.store('v128.store', sum(scores, i), 0, weigh(exponentials, i))
      f.set(total, op('f32x4.add', total, exponentials))
    })

    const decay = power(op('f32x4.sub', maximum, largest))
    const factor = f.let('factor', lane('f32x4.extract_lane', decay, 0))
    const rescaled = op('f32.mul', load('f32.load', running, 4), factor)
    f.store('f32.store', running, 4, op('f32.add', rescaled, sumOfLanes(f, total)))
    f.store('f32.store', running, 0, lane('f32x4.extract_lane', largest, 0))
    f.if(op('f32.lt', factor, 1), () => {
      f.set(i, 0)
      f.forRange(i, width, 16, () => {
        const address = f.let('address', sum(sums, i))
        f.store('v128.store', address, 0, op('f32x4.mul', load('v128.load', address), decay))
      })
    })
    after?.()
    f.increase(running, RUNNING_BYTES)
    f.increase(sums, width)
  })
}
