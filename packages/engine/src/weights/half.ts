/*
 * IEEE 754 half precision: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits.
 * Halves travel as their 16 bits in a number, floats that need their NaN payload as their 32 bits.
 */

const FLOAT = new Float32Array(1)
const BITS = new Uint32Array(FLOAT.buffer)

/** The bits of the float32 that equals the half `half`. Exact for every one of the 65,536 halves, NaNs included. */
export function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0
  if (fraction === 0) return sign >>> 0
  // A subnormal half is a normal float: move its leading one to the place of the implicit one.
  const shift = Math.clz32(fraction) - 21
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0
}

/** The value of the half `half`. */
export function halfToFloat(half: number): number {
  BITS[0] = halfToFloatBits(half)
  return FLOAT[0]
}

/**
 * The half nearest to the float32 `value`, ties to even; beyond 65,519 infinity. A `value` that is not a float32 is
 * rounded to one first.
 */
export function floatToHalf(value: number): number {
  FLOAT[0] = value
  const bits = BITS[0]
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x47800000) return sign | 0x7c00
  // From 2^-14 on: rebias, then round away the 13 surplus bits; a carry runs into the exponent as it should.
  if (magnitude >= 0x38800000) return sign | shiftRounded(magnitude - 0x38000000, 13)
  // Below half of the smallest subnormal (a tie goes to the even zero).
  if (magnitude <= 0x33000000) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  return sign | shiftRounded(fraction, 126 - (magnitude >>> 23))
}

/** value / 2^shift, rounded to the nearest integer, ties to even. */
function shiftRounded(value: number, shift: number): number {
  const quotient = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const tie = 1 << (shift - 1)
  return rest > tie || (rest === tie && (quotient & 1) === 1) ? quotient + 1 : quotient
}
