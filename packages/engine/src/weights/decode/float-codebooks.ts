import { halfToFloat } from '../half.ts'
import { type BlockFormat, takeNibbles } from './block.ts'

/*
 * Four bits that name one of sixteen values, times a scale.
 */

/** The values of IQ4_NL and IQ4_XS. */
const IQ4_VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

/** The values of a 4-bit float (1 sign, 2 exponent, 1 fraction bit), doubled so that they are whole. */
const DOUBLED_FP4_VALUES = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)

/** Blocks of 32: a half-precision scale, 16 bytes; low nibbles first. */
export const IQ4_NL: BlockFormat = {
  ...{ bits: 4, values: IQ4_VALUES, subBlock: 32, scale: 'half', minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    takeNibbles(stored, at + 2, 16, block, 0)
  },
}

/** Blocks of 256: a half-precision scale, and for each 32 weights a 6-bit factor and 16 bytes. */
export const IQ4_XS: BlockFormat = {
  ...{ bits: 4, values: IQ4_VALUES, subBlock: 32, scale: 'factors', minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    const high = stored.getUint16(at + 2, true)
    for (let s = 0; s < 8; s++) {
      const low = (stored.getUint8(at + 4 + (s >>> 1)) >>> (4 * (s & 1))) & 15
      block.factors[s] = (low | (((high >>> (2 * s)) & 3) << 4)) - 32
      takeNibbles(stored, at + 8 + 16 * s, 16, block, 32 * s)
    }
  },
}

/** Blocks of 32: a power of two as its biased exponent, 16 bytes (OCP microscaling format). */
export const MXFP4: BlockFormat = {
  ...{ bits: 4, values: DOUBLED_FP4_VALUES, subBlock: 32, scale: 'power', minimum: false },
  take: (stored, at, block) => {
    // Half of 2^(e - 127), for the doubled values.
    block.d = 2 ** (stored.getUint8(at) - 128)
    takeNibbles(stored, at + 1, 16, block, 0)
  },
}

/** Blocks of 64: four unsigned 8-bit float scales, one for each 16 weights, then 32 bytes. */
export const NVFP4: BlockFormat = {
  ...{ bits: 4, values: DOUBLED_FP4_VALUES, subBlock: 16, scale: 'half', minimum: false },
  take: (stored, at, block) => {
    // Half of what the scales' factors are a 512th of, for the doubled values.
    block.d = 2 ** -10
    for (let s = 0; s < 4; s++) {
      block.factors[s] = unsignedE4M3(stored.getUint8(at + s))
      takeNibbles(stored, at + 4 + 8 * s, 8, block, 16 * s)
    }
  },
}

/** 512 times: 4 exponent bits (bias 7) and 3 fraction bits without a sign; the not-a-number counts as 0, as in ggml. */
function unsignedE4M3(bits: number): number {
  if (bits === 0 || bits === 0x7f) return 0
  const exponent = (bits >>> 3) & 15
  const fraction = bits & 7
  return exponent === 0 ? fraction : (8 + fraction) << (exponent - 1)
}
