import { load, op, zeroVector } from '../emitter/expression.ts'
import { type EmitTile, loadSplat } from './linear.ts'
import { addScaled, dotLocals } from './scaled-dots.ts'

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
  const pair = f.local('pair', 'v128')
  f.doWhile(
    () => {
      for (const dot of dots.flat()) f.set(dot, zeroVector())
      f.set(quantsEnd, op('i32.add', weights, 256))
      f.doWhile(
        () => {
          f.set(low, load('v128.load8x8_s', weights, 0))
          f.set(high, load('v128.load8x8_s', weights, 8))
          activations.forEach((address, row) => {
            const [dotLow, dotHigh] = dots[row]
            f.set(pair, loadSplat(address, 0))
            f.set(dotLow, op('i32x4.add', dotLow, op('i32x4.dot_i16x8_s', low, pair)))
            f.set(dotHigh, op('i32x4.add', dotHigh, op('i32x4.dot_i16x8_s', high, pair)))
            f.increase(address, 4)
          })
          f.increase(weights, 16)
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
