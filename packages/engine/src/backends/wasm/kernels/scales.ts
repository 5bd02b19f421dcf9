import type { BlockFormat } from '../../../weights/decode/block.ts'
import { type F32, type I32, load, op, type V128, vectorOf, vectorOfBits } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { halfAt, loadHalves } from './half.ts'

/** Where the scales (or minimums) of 8 rows are. */
export interface ScalesPlace {
  readonly address: I32
  readonly offset: number
}

/** A byte e means 2^(e - 128): moved to a float's exponent it is twice that, and 0 would be none at all. */
const LEAST_POWER = 0x0040_0000

/**
 * The scales of the group's first and last 4 rows, or their minimums; halves lack the factor 2^112 (half.ts).
 * @param head the floats that factors multiply
 */
export function loadScales(
  f: FunctionBuilder,
  { scale }: BlockFormat,
  label: string,
  { address, offset }: ScalesPlace,
  head: ScalesPlace,
): readonly [Local<'v128'>, Local<'v128'>] {
  const pair = (low: V128, high: V128) => [f.let(`${label}Low`, low), f.let(`${label}High`, high)] as const
  if (scale === 'half') return pair(loadHalves(address, offset), loadHalves(address, offset + 8))
  const bytes = f.local(`${label}Bytes`, 'v128')
  f.set(bytes, load(scale === 'power' ? 'v128.load8x8_u' : 'v128.load8x8_s', address, offset))
  const low = op('i32x4.extend_low_i16x8_s', bytes)
  const high = op('i32x4.extend_high_i16x8_s', bytes)
  if (scale === 'power') return pair(powers(low), powers(high))
  const times = (factors: V128, place: number): V128 => {
    return op('f32x4.mul', op('f32x4.convert_i32x4_s', factors), load('v128.load', head.address, head.offset + place))
  }
  return pair(times(low, 0), times(high, 16))
}

function powers(exponents: V128): V128 {
  return op('f32x4.mul', op('i32x4.max_u', op('i32x4.shl', exponents, 23), vectorOfBits(LEAST_POWER)), vectorOf(0.5))
}

/** The scale (or minimum) of one row, whose place in the group is `place`. */
export function scaleOfRow({ scale }: BlockFormat, group: ScalesPlace, head: ScalesPlace, place: I32): F32 {
  const at = ({ address }: ScalesPlace, size: number): I32 => op('i32.add', address, op('i32.mul', place, size))
  switch (scale) {
    case 'half':
      return halfAt(at(group, 2), group.offset)
    case 'factors': {
      const factor = op('f32.convert_i32_s', load('i32.load8_s', at(group, 1), group.offset))
      return op('f32.mul', factor, load('f32.load', at(head, 4), head.offset))
    }
    case 'power': {
      const exponent = op('i32.shl', load('i32.load8_u', at(group, 1), group.offset), 23)
      const power = op('f32.reinterpret_i32', exponent)
      return op('f32.mul', op('f32.max', power, op('f32.reinterpret_i32', LEAST_POWER)), 0.5)
    }
  }
}
