import type { FloatType } from '../../../weights/element-type.ts'
import { load, op, type V128, vectorOf } from '../emitter/expression.ts'
import { HALF_FACTOR, loadHalves } from './half.ts'
import { type EmitTile, loadSplat } from './linear.ts'

const COLUMN_BYTES = { F32: 32, F16: 16, BF16: 16 } as const satisfies Record<FloatType, number>

/** y[n] = sum over k of w[n][k] x[k], in the order of k. The 8 rows' weights of a column lie side by side. */
export function emitFloatTile(type: FloatType): EmitTile {
  return ({ f, weights, steps, activations, sums }) => {
    const low = f.local('weightsLow', 'v128')
    const high = f.local('weightsHigh', 'v128')
    const splat = f.local('activation', 'v128')
    const loadFour = (offset: number): V128 => {
      switch (type) {
        case 'F32':
          return load('v128.load', weights, offset)
        case 'F16':
          return op('f32x4.mul', loadHalves(weights, offset), vectorOf(HALF_FACTOR))
        case 'BF16':
          return op('i32x4.shl', load('v128.load16x4_u', weights, offset), 16)
      }
    }
    f.doWhile(
      () => {
        f.set(low, loadFour(0))
        f.set(high, loadFour(COLUMN_BYTES[type] / 2))
        activations.forEach((address, row) => {
          f.set(splat, loadSplat(address, 0))
          const [sumLow, sumHigh] = sums[row]
          f.set(sumLow, op('f32x4.add', sumLow, op('f32x4.mul', low, splat)))
          f.set(sumHigh, op('f32x4.add', sumHigh, op('f32x4.mul', high, splat)))
          f.increase(address, 4)
        })
        f.increase(weights, COLUMN_BYTES[type])
        f.increase(steps, -1)
      },
      op('i32.ne', steps, 0),
    )
  }
}
