import { halfToFloat } from '../half.ts'
import { above, type BlockFormat, takeTwoBits } from './block.ts'

/*
 * One scale for a block, and weights of one or two bits, or one of three values.
 */

/** y = d (q - 1) */
const TERNARY = { bits: 2, values: above(1, 2), subBlock: 32, minimum: false } as const

/** Blocks of 256: two bits a weight, then the scale. */
export const TQ2_0: BlockFormat = {
  ...{ ...TERNARY, scale: 'factors' },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at + 64, true))
    for (let run = 0; run < 8; run++) takeTwoBits(stored, at + 32 * (run >>> 2), 2 * (run & 3), block, 32 * run)
  },
}

/** Runs of bytes in TQ1_0: how many, and how many ternary digits each byte of the run holds. */
const TERNARY_RUNS = [
  { from: 0, bytes: 32, digits: 5 },
  { from: 32, bytes: 16, digits: 5 },
  { from: 48, bytes: 4, digits: 4 },
]

/** Blocks of 256: bytes are fractions in base three, then the scale. */
export const TQ1_0: BlockFormat = {
  ...{ ...TERNARY, scale: 'factors' },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at + 52, true))
    let i = 0
    for (const { from, bytes, digits } of TERNARY_RUNS) {
      for (let n = 0; n < digits; n++) {
        for (let m = 0; m < bytes; m++) {
          const fraction = (stored.getUint8(at + from + m) * 3 ** n) & 255
          block.codes[i++] = (fraction * 3) >>> 8
        }
      }
    }
  },
}

/** Blocks of 64: a half-precision scale, two bits a weight. */
export const Q2_0: BlockFormat = {
  ...{ ...TERNARY, scale: 'half' },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    for (let i = 0; i < 64; i++) block.codes[i] = (stored.getUint8(at + 2 + (i >>> 2)) >>> (2 * (i & 3))) & 3
  },
}

/** Blocks of 128: a half-precision scale, one bit a weight: d or -d, the codes 2 and 0. */
export const Q1_0: BlockFormat = {
  ...{ ...TERNARY, scale: 'half' },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    for (let i = 0; i < 128; i++) block.codes[i] = ((stored.getUint8(at + 2 + (i >>> 3)) >>> (i & 7)) & 1) << 1
  },
}
