import { type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { loadSplat } from './linear.ts'

/**
 * Queries and vectors of columns whose sums stay in registers. Two queries share a load; the tiles leave registers for
 * the loads that the compilers of older engines move to the front.
 */
const TILES = [
  { queries: 2, vectors: [4, 1] },
  { queries: 1, vectors: [8, 1] },
] as const

/**
 * y[q][c] += sum over r of x[q][r] panel[r][c], in the order of r, for the queries q, whose x and y lie a stride apart.
 * The rows of the panel of floats lie `stride` bytes apart and are `width` bytes wide, a multiple of 16.
 */
export function panelProductFunction(): FunctionBuilder {
  const f = new FunctionBuilder('panel_product')
  const { x, xStride, queries, rows } = f.parameterList('x', 'xStride', 'queries', 'rows')
  const { panel, stride } = f.parameterList('panel', 'stride')
  const { output, outputStride, width } = f.parameterList('output', 'outputStride', 'width')
  const query = f.local('query', 'i32')
  const column = f.local('column', 'i32')
  const source = f.local('source', 'i32')
  const step = f.local('step', 'i32')
  const weight = f.local('weight', 'v128')
  const end = f.let('end', op('i32.mul', rows, 4))

  const tile = (count: number, vectors: number): void => {
    const xs = strided(f, 'x', sum(x, op('i32.mul', query, xStride)), xStride, count)
    const targets = strided(f, 'y', sum(output, op('i32.mul', query, outputStride), column), outputStride, count)
    const sums = targets.map((target, q) => {
      return Array.from({ length: vectors }, (_, v) => f.let(`sum${q}_${v}`, load('v128.load', target, 16 * v)))
    })
    f.set(source, sum(panel, column))
    f.set(step, 0)
    f.forRange(step, end, 4, () => {
      const splats = xs.map((address, q) => f.let(`splat${q}`, loadSplat(address, 0)))
      for (let v = 0; v < vectors; v++) {
        f.set(weight, load('v128.load', source, 16 * v))
        splats.forEach((splat, q) => {
          f.set(sums[q][v], op('f32x4.add', sums[q][v], op('f32x4.mul', weight, splat)))
        })
      }
      for (const address of xs) f.increase(address, 4)
      f.increase(source, stride)
    })
    targets.forEach((target, q) => {
      sums[q].forEach((local, v) => {
        f.store('v128.store', target, 16 * v, local)
      })
    })
  }
  for (const { queries: count, vectors } of TILES) {
    f.forRange(query, op('i32.and', queries, -count), count, () => {
      f.set(column, 0)
      for (const wide of vectors) {
        f.forRange(column, op('i32.and', width, -16 * wide), 16 * wide, () => tile(count, wide))
      }
    })
  }
  return f
}

/** Variables for addresses a stride apart. */
function strided(f: FunctionBuilder, label: string, first: I32, stride: I32, count: number): Local<'i32'>[] {
  const addresses = [f.let(`${label}0`, first)]
  for (let i = 1; i < count; i++) addresses.push(f.let(`${label}${i}`, sum(addresses[i - 1], stride)))
  return addresses
}
