import { type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { loadSplat } from './linear.ts'

/** Vectors of columns that one pass over the rows keeps in registers, widest first. */
const TILES = [8, 1] as const

/**
 * y[c] += sum over r of x[r] panel[r][c], in the order of r, for `rows` floats x and a panel of floats whose rows lie
 * `stride` bytes apart and are `width` bytes wide, a multiple of 16.
 */
export function panelProductFunction(): FunctionBuilder {
  const f = new FunctionBuilder('panel_product')
  const { x, rows, panel, stride, output, width } = f.parameterList('x', 'rows', 'panel', 'stride', 'output', 'width')
  const column = f.local('column', 'i32')
  const source = f.local('source', 'i32')
  const weight = f.local('weight', 'i32')
  const splat = f.local('splat', 'v128')
  const end = f.let('end', sum(x, op('i32.mul', rows, 4)))
  const tile = (vectors: number): void => {
    const target: I32 = sum(output, column)
    const sums = Array.from({ length: vectors }, (_, i) => f.local(`sum${i}`, 'v128'))
    sums.forEach((local, i) => {
      f.set(local, load('v128.load', target, 16 * i))
    })
    f.set(source, sum(panel, column))
    f.set(weight, x)
    f.forRange(weight, end, 4, () => {
      f.set(splat, loadSplat(weight, 0))
      sums.forEach((local, i) => {
        f.set(local, op('f32x4.add', local, op('f32x4.mul', load('v128.load', source, 16 * i), splat)))
      })
      f.increase(source, stride)
    })
    sums.forEach((local, i) => {
      f.store('v128.store', target, 16 * i, local)
    })
  }
  for (const vectors of TILES) {
    const bytes = 16 * vectors
    f.forRange(column, op('i32.and', width, -bytes), bytes, () => tile(vectors))
  }
  return f
}
