import { type F32, type I32, load, op, type V128, vectorOf, vectorOfBits } from '../emitter/expression.ts'
import type { FunctionBuilder } from '../emitter/function.ts'

/** What separates a half moved into the bits of a float from its value: the difference of the exponents' biases. */
export const HALF_FACTOR = 2 ** 112

/**
 * Four halves as floats times 2^-112, exactly: shift exponent and fraction to their places and keep the sign.
 * Subnormal halves become subnormal floats, which are right but slow. Infinity becomes 65536, and NaN a number.
 */
export function loadHalves(address: I32, offset: number): V128 {
  return op('v128.and', op('i32x4.shl', load('v128.load16x4_s', address, offset), 13), vectorOfBits(0x8fff_e000))
}

/** The half at an address as a float. */
export function halfAt(address: I32, offset: number): F32 {
  const moved = op('i32.and', op('i32.shl', load('i32.load16_s', address, offset), 13), 0x8fff_e000 | 0)
  return op('f32.mul', op('f32.reinterpret_i32', moved), HALF_FACTOR)
}

/**
 * Four floats rounded to the nearest half, ties to even, as 16 bits in each 32-bit lane. Beyond 65519 comes infinity.
 *
 * The rounding is done by the float addition itself: a number with an exponent 13 bits above the result's last place is
 * added, so that exactly the bits that a half keeps survive, subnormal halves included.
 */
export function halvesOf(f: FunctionBuilder, floats: V128): V128 {
  const x = f.let('x', floats)
  const magnitude = f.let('magnitude', op('f32x4.abs', x))
  // Through infinity and back: what is too large for a half stays infinite.
  const scaled = op('f32x4.mul', op('f32x4.mul', magnitude, vectorOf(HALF_FACTOR)), vectorOf(2 ** -110))
  const exponent = op('v128.and', op('i32x4.shl', magnitude, 1), vectorOfBits(0xff00_0000))
  const clamped = op('i32x4.max_u', exponent, vectorOfBits(0x7100_0000))
  const rounder = op('i32x4.add', op('i32x4.shr_u', clamped, 1), vectorOfBits(0x0780_0000))
  const bits = f.let('bits', op('f32x4.add', rounder, scaled))
  const halfExponent = op('v128.and', op('i32x4.shr_u', bits, 13), vectorOfBits(0x7c00))
  const fraction = op('v128.and', bits, vectorOfBits(0x0fff))
  const finite = op('i32x4.add', halfExponent, fraction)
  const isNan = op('i32x4.gt_u', op('i32x4.shl', magnitude, 1), vectorOfBits(0xff00_0000))
  const unsigned = op('v128.bitselect', vectorOfBits(0x7e00), finite, isNan)
  const sign = op('v128.and', op('i32x4.shr_u', x, 16), vectorOfBits(0x8000))
  return op('v128.or', unsigned, sign)
}
