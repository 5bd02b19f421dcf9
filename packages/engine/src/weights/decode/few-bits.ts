import { halfToFloat } from '../half.ts'
import { type DecodeBlock, u16 } from './blocks.ts'

/*
 * One scale for a block, and weights of one or two bits, or one of three values.
 */

/** Blocks of 256: two bits a weight, y = d (q - 1), then the scale. */
export const decodeTQ2_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block + 64))
  for (let i = 0; i < 256; i++) {
    const byte = stored[block + 32 * (i >>> 7) + (i & 31)]
    target[first + i] = d * (((byte >>> (2 * ((i >>> 5) & 3))) & 3) - 1)
  }
}

/** Runs of bytes in TQ1_0: how many, and how many ternary digits each byte of the run holds. */
const TERNARY_RUNS = [
  { from: 0, bytes: 32, digits: 5 },
  { from: 32, bytes: 16, digits: 5 },
  { from: 48, bytes: 4, digits: 4 },
]

/** Blocks of 256: bytes are fractions in base three, y = d (digit - 1), then the scale. */
export const decodeTQ1_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block + 52))
  let i = first
  for (const { from, bytes, digits } of TERNARY_RUNS) {
    for (let n = 0; n < digits; n++) {
      for (let m = 0; m < bytes; m++) {
        const fraction = (stored[block + from + m] * 3 ** n) & 255
        target[i++] = d * (((fraction * 3) >>> 8) - 1)
      }
    }
  }
}

/** Blocks of 128: a half-precision scale, one bit a weight: d or -d. */
export const decodeQ1_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let i = 0; i < 128; i++) target[first + i] = (stored[block + 2 + (i >>> 3)] >>> (i & 7)) & 1 ? d : -d
}

/** Blocks of 64: a half-precision scale, two bits a weight, y = d (q - 1). */
export const decodeQ2_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let i = 0; i < 64; i++) target[first + i] = d * (((stored[block + 2 + (i >>> 2)] >>> (2 * (i & 3))) & 3) - 1)
}
