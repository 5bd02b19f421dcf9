import { type I32, load, op, shuffle, sum, type V128, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'

interface Head {
  readonly f: FunctionBuilder
  readonly source: Local<'i32'>
  readonly target: Local<'i32'>
  readonly cosines: Local<'i32'>
  readonly sines: Local<'i32'>
  /** 4 times the number of pairs. */
  readonly bytes: Local<'i32'>
  readonly i: Local<'i32'>
}

/**
 * Turns pairs (i, i + n/2) of each head, for rows [from, to):
 * y[i] = x[i] cos - x[i + n/2] sin, y[i + n/2] = x[i + n/2] cos + x[i] sin.
 * `table` holds for each row the cosines and then the sines of its n/2 angles; columns beyond n are copied.
 */
export function rotateHalfKernel(): FunctionBuilder {
  return rotateKernel('rotate_half', ({ f, source, target, cosines, sines, bytes, i }) => {
    const first = (base: I32): I32 => sum(base, i)
    const second = (base: I32): I32 => sum(base, bytes, i)
    f.forRange(i, op('i32.and', bytes, -16), 16, () => {
      const [x, y] = [f.let('x', load('v128.load', first(source))), f.let('y', load('v128.load', second(source)))]
      const [c, s] = [f.let('c', load('v128.load', first(cosines))), f.let('s', load('v128.load', first(sines)))]
      const minus = op('f32x4.sub', op('f32x4.mul', x, c), op('f32x4.mul', y, s))
      f.store('v128.store', first(target), 0, minus)
      f.store('v128.store', second(target), 0, op('f32x4.add', op('f32x4.mul', y, c), op('f32x4.mul', x, s)))
    })
    f.forRange(i, bytes, 4, () =>
      rotatePair(f, [first(source), second(source)], [first(target), second(target)], [first(cosines), first(sines)]),
    )
  })
}

/** As `rotate_half`, for pairs (2i, 2i + 1). */
export function rotateInterleavedKernel(): FunctionBuilder {
  return rotateKernel('rotate_interleaved', ({ f, source, target, cosines, sines, bytes, i }) => {
    const pair = (base: I32): I32 => sum(base, i, i)
    const twice = (values: I32): V128 => {
      const two = f.let('two', load('v128.load64_zero', values))
      return shuffle(two, two, [0, 0, 1, 1])
    }
    f.forRange(i, op('i32.and', bytes, -8), 8, () => {
      const x = f.let('x', load('v128.load', pair(source)))
      const swapped = op('v128.xor', shuffle(x, x, [1, 0, 3, 2]), f.let('signs', negateEvenLanes()))
      const turned = op('f32x4.mul', swapped, twice(sum(sines, i)))
      f.store('v128.store', pair(target), 0, op('f32x4.add', op('f32x4.mul', x, twice(sum(cosines, i))), turned))
    })
    f.forRange(i, bytes, 4, () =>
      rotatePair(
        f,
        [pair(source), sum(pair(source), 4)],
        [pair(target), sum(pair(target), 4)],
        [sum(cosines, i), sum(sines, i)],
      ),
    )
  })
}

function rotateKernel(name: string, turnHead: (head: Head) => void): FunctionBuilder {
  const f = new FunctionBuilder(name)
  const { input, output, stride, table, pairs, heads, headDimension, from, to } = f.parameterList(
    'input',
    'output',
    'stride',
    'table',
    'pairs',
    'heads',
    'headDimension',
    'from',
    'to',
  )
  const row = f.let('row', from)
  const head = f.local('head', 'i32')
  const i = f.local('i', 'i32')
  const source = f.local('source', 'i32')
  const target = f.local('target', 'i32')
  const cosines = f.local('cosines', 'i32')
  const sines = f.local('sines', 'i32')
  const bytes = f.let('bytes', op('i32.mul', pairs, 4))
  const headBytes = f.let('headBytes', op('i32.mul', headDimension, 4))
  f.forRange(row, to, 1, () => {
    f.set(source, sum(input, op('i32.mul', row, stride)))
    f.set(target, sum(output, op('i32.mul', row, stride)))
    f.set(cosines, sum(table, op('i32.mul', row, op('i32.mul', bytes, 2))))
    f.set(sines, sum(cosines, bytes))
    f.set(head, 0)
    f.forRange(head, heads, 1, () => {
      f.set(i, 0)
      turnHead({ f, source, target, cosines, sines, bytes, i })
      const rest = op('i32.mul', bytes, 2)
      f.copy(sum(target, rest), sum(source, rest), op('i32.sub', headBytes, rest))
      f.increase(source, headBytes)
      f.increase(target, headBytes)
    })
  })
  return f
}

/** One pair, where fewer than a vector are left. */
function rotatePair(
  f: FunctionBuilder,
  [sourceX, sourceY]: readonly [I32, I32],
  [targetX, targetY]: readonly [I32, I32],
  [cosine, sine]: readonly [I32, I32],
): void {
  const [x, y] = [f.let('x1', load('f32.load', sourceX)), f.let('y1', load('f32.load', sourceY))]
  const [c, s] = [f.let('c1', load('f32.load', cosine)), f.let('s1', load('f32.load', sine))]
  f.store('f32.store', targetX, 0, op('f32.sub', op('f32.mul', x, c), op('f32.mul', y, s)))
  f.store('f32.store', targetY, 0, op('f32.add', op('f32.mul', y, c), op('f32.mul', x, s)))
}

/** The sign bits of lanes 0 and 2. */
function negateEvenLanes(): V128 {
  const sign = vectorOfBits(0x8000_0000)
  return shuffle(sign, zeroVector(), [0, 4, 1, 5])
}
