import { halfToFloat } from '../half.ts'
import { above, addBits, type Block, type BlockFormat, takeNibbles, takeTwoBits } from './block.ts'

/*
 * K-quants: super-blocks of 256 weights with half-precision scales, cut into sub-blocks of 16 or 32 that have a small
 * integer factor to the scale, and some one to the minimum, each.
 */

/** y = d factor q - dmin minimum: 16 sub-blocks of 16 with 4-bit factors and minimums, 2-bit q. */
export const Q2_K: BlockFormat = {
  ...{ bits: 2, values: above(0, 2), subBlock: 16, scale: 'factors', minimum: true },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at + 80, true))
    block.dmin = halfToFloat(stored.getUint16(at + 82, true))
    takeRunsOfTwoBits(stored, at + 16, block)
    for (let s = 0; s < 16; s++) {
      block.factors[s] = stored.getUint8(at + s) & 15
      block.minimumFactors[s] = stored.getUint8(at + s) >>> 4
    }
  },
}

/** y = d (factor - 32) (q - 4): 16 sub-blocks of 16 with 6-bit factors; two bits of q together, the third in a mask. */
export const Q3_K: BlockFormat = {
  ...{ bits: 3, values: above(4, 3), subBlock: 16, scale: 'factors', minimum: false },
  take: (stored, at, block) => {
    const { factors } = block
    block.d = halfToFloat(stored.getUint16(at + 108, true))
    takeRunsOfTwoBits(stored, at + 32, block)
    for (let run = 0; run < 8; run++) addBits(stored, at, run, 1, 2, block, 32 * run)
    for (let s = 0; s < 16; s++) {
      const low = s < 8 ? stored.getUint8(at + 96 + s) & 15 : stored.getUint8(at + 88 + s) >>> 4
      const high = (stored.getUint8(at + 104 + (s & 3)) >>> (2 * (s >>> 2))) & 3
      factors[s] = (low | (high << 4)) - 32
    }
  },
}

/** The order of Q2_K and Q3_K: each 32 bytes hold 128 weights, the first 32 of them in the lowest two bits. */
function takeRunsOfTwoBits(stored: DataView, at: number, block: Block): void {
  for (let run = 0; run < 8; run++) takeTwoBits(stored, at + 32 * (run >>> 2), 2 * (run & 3), block, 32 * run)
}

const EIGHT_SUB_BLOCKS = { subBlock: 32, scale: 'factors', minimum: true } as const

/** y = d factor q - dmin minimum: 8 sub-blocks of 32 with 6-bit factors and minimums, 4-bit q. */
export const Q4_K: BlockFormat = {
  ...{ ...EIGHT_SUB_BLOCKS, bits: 4, values: above(0, 4) },
  take: (stored, at, block) => {
    takeSixBitFactors(stored, at, block)
    for (let pair = 0; pair < 4; pair++) takeNibbles(stored, at + 16 + 32 * pair, 32, block, 64 * pair)
  },
}

/** As Q4_K with a fifth bit: bit s of byte l. */
export const Q5_K: BlockFormat = {
  ...{ ...EIGHT_SUB_BLOCKS, bits: 5, values: above(0, 5) },
  take: (stored, at, block) => {
    takeSixBitFactors(stored, at, block)
    for (let pair = 0; pair < 4; pair++) takeNibbles(stored, at + 48 + 32 * pair, 32, block, 64 * pair)
    for (let run = 0; run < 8; run++) addBits(stored, at + 16, run, 1, 4, block, 32 * run)
  },
}

/** The factors of Q4_K and Q5_K: 8 to scale and minimum, 6 bits each, in 12 bytes behind the two halves. */
function takeSixBitFactors(stored: DataView, at: number, block: Block): void {
  const { factors, minimumFactors } = block
  const packed = at + 4
  block.d = halfToFloat(stored.getUint16(at, true))
  block.dmin = halfToFloat(stored.getUint16(at + 2, true))
  for (let s = 0; s < 4; s++) {
    const [low, middle, high] = [
      stored.getUint8(packed + s),
      stored.getUint8(packed + s + 4),
      stored.getUint8(packed + s + 8),
    ]
    factors[s] = low & 63
    minimumFactors[s] = middle & 63
    factors[s + 4] = (high & 15) | ((low >>> 6) << 4)
    minimumFactors[s + 4] = (high >>> 4) | ((middle >>> 6) << 4)
  }
}

/** y = d factor (q - 32): 16 sub-blocks of 16 with signed 8-bit factors; four bits of q in one array, two in another. */
export const Q6_K: BlockFormat = {
  ...{ bits: 6, values: above(32, 6), subBlock: 16, scale: 'factors', minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at + 208, true))
    for (let half = 0; half < 2; half++) takeNibbles(stored, at + 64 * half, 64, block, 128 * half)
    for (let run = 0; run < 8; run++) {
      addBits(stored, at + 128 + 32 * (run >>> 2), 2 * (run & 3), 3, 4, block, 32 * run)
    }
    for (let s = 0; s < 16; s++) block.factors[s] = stored.getInt8(at + 192 + s)
  },
}
