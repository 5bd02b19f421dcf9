import type { BlockFormat } from '../../../weights/decode/block.ts'
import { type F32, type I32, load, op, type V128, vectorOf, vectorOfBits } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { halfAt, loadHalves } from './half.ts'

/** A byte e means 2^(e - 128): moved to a float's exponent it is twice that, and 0 would be none at all. */
const LEAST_POWER = 0x0040_0000

/** The scales in a block of the group's first and last 4 rows, or their minimums; halves lack the factor 2^112 (half.ts). */
export function loadScales(
  f: FunctionBuilder,
  { scale }: BlockFormat,
  label: string,
  address: I32,
  offset: number,
): readonly [Local<'v128'>, Local<'v128'>] {
  const pair = (low: V128, high: V128) => [f.let(`${label}Low`, low), f.let(`${label}High`, high)] as const
  if (scale === 'half') return pair(loadHalves(address, offset), loadHalves(address, offset + 8))
  const exponents = f.let(`${label}Exponents`, load('v128.load8x8_u', address, offset))
  return pair(powers(op('i32x4.extend_low_i16x8_s', exponents)), powers(op('i32x4.extend_high_i16x8_s', exponents)))
}

function powers(exponents: V128): V128 {
  return op('f32x4.mul', op('i32x4.max_u', op('i32x4.shl', exponents, 23), vectorOfBits(LEAST_POWER)), vectorOf(0.5))
}

/** The scale in a block (or minimum) of the row whose place in the group is `place`. */
export function scaleOfRow({ scale }: BlockFormat, address: I32, offset: number, place: I32): F32 {
  if (scale === 'half') return halfAt(op('i32.add', address, op('i32.mul', place, 2)), offset)
  const exponent = op('i32.shl', load('i32.load8_u', op('i32.add', address, place), offset), 23)
  const power = op('f32.reinterpret_i32', exponent)
  return op('f32.mul', op('f32.max', power, op('f32.reinterpret_i32', LEAST_POWER)), 0.5)
}
