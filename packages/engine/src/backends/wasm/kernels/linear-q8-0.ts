import { load, op, vectorOf } from '../emitter/expression.ts'
import { type EmitTile, loadSplat } from './linear.ts'
import { addScaled, dotLocals } from './scaled-dots.ts'

/** Pairs of columns in one round of the inner loop. */
const PAIRS_PER_ROUND = 4

/**
 * y[n] = sum over blocks of dw[n] dx sum over 32 columns of qw[n][k] qx[k], in integers inside a block.
 *
 * A block of 8 rows holds for every pair of columns the 8 rows' two quants, then the 8 half scales. Eight bytes widen to
 * 4 rows' pairs, which meet a pair of 16-bit activations in one dot instruction.
 */
export const emitQ8Tile: EmitTile = (tile) => {
  const { f, weights, steps, activations } = tile
  const dots = dotLocals(tile)
  const quantsEnd = f.local('quantsEnd', 'i32')
  const low = f.local('weightsLow', 'v128')
  const high = f.local('weightsHigh', 'v128')
  const splat = f.local('pair', 'v128')
  f.doWhile(
    () => {
      for (const dot of dots.flat()) f.set(dot, vectorOf(0))
      f.set(quantsEnd, op('i32.add', weights, 256))
      f.doWhile(
        () => {
          for (let pair = 0; pair < PAIRS_PER_ROUND; pair++) {
            f.set(low, load('v128.load8x8_s', weights, 16 * pair))
            f.set(high, load('v128.load8x8_s', weights, 16 * pair + 8))
            activations.forEach((address, row) => {
              f.set(splat, loadSplat(address, 4 * pair))
              const [dotLow, dotHigh] = dots[row]
              f.set(dotLow, op('i32x4.add', dotLow, op('i32x4.dot_i16x8_s', low, splat)))
              f.set(dotHigh, op('i32x4.add', dotHigh, op('i32x4.dot_i16x8_s', high, splat)))
            })
          }
          for (const address of activations) f.increase(address, 4 * PAIRS_PER_ROUND)
          f.increase(weights, 16 * PAIRS_PER_ROUND)
        },
        op('i32.ne', weights, quantsEnd),
      )
      addScaled(tile, dots)
      f.increase(weights, 16)
      f.increase(steps, -1)
    },
    op('i32.ne', steps, 0),
  )
}
