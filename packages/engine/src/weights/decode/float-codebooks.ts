import { halfToFloat } from '../half.ts'
import { type DecodeBlock, u16 } from './blocks.ts'

/*
 * Four bits that name one of sixteen values, times a scale.
 */

/** The sixteen values of IQ4_NL and IQ4_XS. */
export const IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/** The values of a 4-bit float (1 sign, 2 exponent, 1 fraction bit), doubled so that they are whole. */
const DOUBLED_FP4_VALUES = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

/** Blocks of 32: a half-precision scale, 16 bytes; low nibbles first. */
export const decodeIQ4_NL: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  decodeNibbles(stored, block + 2, 16, d, IQ4_VALUES, target, first)
}

/** Blocks of 32: a power of two as its biased exponent, 16 bytes (OCP microscaling format). */
export const decodeMXFP4: DecodeBlock = (stored, block, target, first) => {
  // Half of 2^(e - 127), for the doubled values.
  decodeNibbles(stored, block + 1, 16, 2 ** (stored[block] - 128), DOUBLED_FP4_VALUES, target, first)
}

/** Blocks of 64: four unsigned 8-bit float scales, one for each 16 weights, then 32 bytes. */
export const decodeNVFP4: DecodeBlock = (stored, block, target, first) => {
  for (let s = 0; s < 4; s++) {
    const scale = unsignedE4M3(stored[block + s]) / 2
    decodeNibbles(stored, block + 4 + 8 * s, 8, scale, DOUBLED_FP4_VALUES, target, first + 16 * s)
  }
}

/** Blocks of 256: a half-precision scale, and for each 32 weights a 6-bit factor and 16 bytes. */
export const decodeIQ4_XS: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  const high = u16(stored, block + 2)
  for (let b = 0; b < 8; b++) {
    const low = (stored[block + 4 + (b >>> 1)] >>> (4 * (b & 1))) & 15
    const factor = low | (((high >>> (2 * b)) & 3) << 4)
    decodeNibbles(stored, block + 8 + 16 * b, 16, d * (factor - 32), IQ4_VALUES, target, first + 32 * b)
  }
}

/** `count` bytes are 2 count weights: the low nibbles, then the high ones. */
function decodeNibbles(
  stored: Uint8Array,
  at: number,
  count: number,
  scale: number,
  values: readonly number[],
  target: Float32Array,
  first: number,
): void {
  for (let j = 0; j < count; j++) {
    target[first + j] = scale * values[stored[at + j] & 15]
    target[first + count + j] = scale * values[stored[at + j] >>> 4]
  }
}

/** 4 exponent bits (bias 7) and 3 fraction bits without a sign; the not-a-number counts as 0, as in ggml. */
function unsignedE4M3(bits: number): number {
  if (bits === 0 || bits === 0x7f) return 0
  const exponent = (bits >>> 3) & 15
  const fraction = bits & 7
  return exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7)
}
