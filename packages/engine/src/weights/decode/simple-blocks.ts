import { halfToFloat } from '../half.ts'
import { above, type Block, type BlockFormat, takeNibbles } from './block.ts'

/*
 * Blocks of 32: a half-precision scale d, perhaps a half-precision minimum m, and a small integer q for each weight. In
 * a byte of 4-bit integers the low nibble belongs to weight j, the high one to weight j + 16.
 */

const BLOCK_OF_32 = { subBlock: 32, scale: 'half' } as const

/** y = d q, q signed bytes. */
export const Q8_0: BlockFormat = {
  ...{ ...BLOCK_OF_32, bits: 8, values: above(128, 8), minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    for (let j = 0; j < 8; j++) block.codeWords[j] = stored.getUint32(at + 2 + 4 * j, true) ^ 0x8080_8080
  },
}

/** y = d (q - 8) */
export const Q4_0: BlockFormat = {
  ...{ ...BLOCK_OF_32, bits: 4, values: above(8, 4), minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    takeNibbles(stored, at + 2, 16, block, 0)
  },
}

/** y = d q + m */
export const Q4_1: BlockFormat = {
  ...{ ...BLOCK_OF_32, bits: 4, values: above(0, 4), minimum: true },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    block.dmin = -halfToFloat(stored.getUint16(at + 2, true))
    takeNibbles(stored, at + 4, 16, block, 0)
  },
}

/** y = d (q - 16); the fifth bit of weight i is bit i of a 32-bit word. */
export const Q5_0: BlockFormat = {
  ...{ ...BLOCK_OF_32, bits: 5, values: above(16, 5), minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    takeFiveBits(stored, at + 2, block)
  },
}

/** y = d q + m; fifth bits as in Q5_0. */
export const Q5_1: BlockFormat = {
  ...{ ...BLOCK_OF_32, bits: 5, values: above(0, 5), minimum: true },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    block.dmin = -halfToFloat(stored.getUint16(at + 2, true))
    takeFiveBits(stored, at + 4, block)
  },
}

function takeFiveBits(stored: DataView, at: number, block: Block): void {
  const fifth = stored.getUint32(at, true)
  takeNibbles(stored, at + 4, 16, block, 0)
  for (let i = 0; i < 32; i++) block.codes[i] |= ((fifth >>> i) & 1) << 4
}
