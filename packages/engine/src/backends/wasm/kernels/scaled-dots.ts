import { op } from '../emitter/expression.ts'
import type { Local } from '../emitter/function.ts'
import { loadHalves } from './half.ts'
import { loadSplat, type Tile } from './linear.ts'

/** For each activation row the integer dot products of one block with the group's first and last 4 rows. */
export type Dots = readonly (readonly [Local<'v128'>, Local<'v128'>])[]

export function dotLocals({ f, activations }: Tile): Dots {
  return activations.map((_, row) => [f.local(`dotLow${row}`, 'v128'), f.local(`dotHigh${row}`, 'v128')] as const)
}

/**
 * Ends a block: adds dot * weight scale * activation scale to the sums and moves the activations to the next block.
 * Both pointers stand behind their quants. The half scales lack the factor 2^112 that the activation scales carry.
 */
export function addScaled({ f, weights, activations, sums }: Tile, dots: Dots): void {
  const scalesLow = f.let('scalesLow', loadHalves(weights, 0))
  const scalesHigh = f.let('scalesHigh', loadHalves(weights, 8))
  const scale = f.local('scale', 'v128')
  activations.forEach((address, row) => {
    f.set(scale, loadSplat(address, 0))
    const [low, high] = sums[row]
    const [dotLow, dotHigh] = dots[row]
    const scaled = (dot: Local<'v128'>, scales: Local<'v128'>) =>
      op('f32x4.mul', op('f32x4.convert_i32x4_s', dot), op('f32x4.mul', scales, scale))
    f.set(low, op('f32x4.add', low, scaled(dotLow, scalesLow)))
    f.set(high, op('f32x4.add', high, scaled(dotHigh, scalesHigh)))
    f.increase(address, 8)
  })
}
