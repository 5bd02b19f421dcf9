import { load, op, type V128, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import { type EmitTile, loadSplat } from './linear.ts'
import { addScaled, dotLocals } from './scaled-dots.ts'

/**
 * y[n] = sum over blocks of dw[n] dx sum over 32 columns of (qw[n][k] - 8) qx[k], in integers inside a block; the
 * eights are taken off at its end: 8 times the sum of qx.
 *
 * A block of 8 rows holds four chunks of 32 bytes, then the 8 half scales. A chunk c has 4 bytes of each row: columns
 * (4c, 4c + 2) and (4c + 1, 4c + 3) in low nibbles, the columns 16 further in high ones. Seen as 16-bit lanes, nibble j
 * of a row's two lanes is a pair of neighbouring columns, and masking gives 4 rows' pairs without widening.
 */
export const emitQ4Tile: EmitTile = (tile) => {
  const { f, weights, steps, activations } = tile
  const dots = dotLocals(tile)
  const quantsEnd = f.local('quantsEnd', 'i32')
  const bytes = [f.local('bytesLow', 'v128'), f.local('bytesHigh', 'v128')]
  const nibbles = [f.local('nibblesLow', 'v128'), f.local('nibblesHigh', 'v128')]
  const splat = f.local('pair', 'v128')
  f.doWhile(
    () => {
      for (const dot of dots.flat()) f.set(dot, zeroVector())
      f.set(quantsEnd, op('i32.add', weights, 128))
      f.doWhile(
        () => {
          f.set(bytes[0], load('v128.load', weights, 0))
          f.set(bytes[1], load('v128.load', weights, 16))
          for (let nibble = 0; nibble < 4; nibble++) {
            nibbles.forEach((local, half) => {
              f.set(local, nibbleOfLanes(bytes[half], nibble))
            })
            activations.forEach((address, row) => {
              f.set(splat, loadSplat(address, COLUMN_OF_NIBBLE[nibble] * 2))
              dots[row].forEach((dot, half) => {
                f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', nibbles[half], splat)))
              })
            })
          }
          for (const address of activations) f.increase(address, 8)
          f.increase(weights, 32)
        },
        op('i32.ne', weights, quantsEnd),
      )
      for (const address of activations) f.increase(address, 32)
      activations.forEach((address, row) => {
        f.set(splat, op('i32x4.shl', loadSplat(address, 4), 3))
        for (const dot of dots[row]) f.set(dot, op('i32x4.sub', dot, splat))
      })
      addScaled(tile, dots)
      f.increase(weights, 16)
      f.increase(steps, -1)
    },
    op('i32.ne', steps, 0),
  )
}

/** The first column, within a chunk, of the pair in each nibble. */
const COLUMN_OF_NIBBLE = [0, 16, 2, 18]

function nibbleOfLanes(lanes: V128, nibble: number): V128 {
  if (nibble === 3) return op('i16x8.shr_u', lanes, 12)
  const shifted = nibble === 0 ? lanes : op('i16x8.shr_u', lanes, 4 * nibble)
  return op('v128.and', shifted, vectorOfBits(0x000f_000f))
}
