import { halfToFloat } from '../half.ts'
import { type DecodeBlock, signed, u16, u32 } from './blocks.ts'

/*
 * Blocks of 32: a half-precision scale d, perhaps a half-precision minimum m, and a small integer q for each weight. In
 * a byte of 4-bit integers the low nibble belongs to weight j, the high one to weight j + 16.
 */

/** y = d q, q signed bytes. */
export const decodeQ8_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let i = 0; i < 32; i++) target[first + i] = d * signed(stored[block + 2 + i])
}

/** y = d (q - 8) */
export const decodeQ4_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let j = 0; j < 16; j++) {
    const pair = stored[block + 2 + j]
    target[first + j] = d * ((pair & 15) - 8)
    target[first + j + 16] = d * ((pair >>> 4) - 8)
  }
}

/** y = d q + m */
export const decodeQ4_1: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  const m = halfToFloat(u16(stored, block + 2))
  for (let j = 0; j < 16; j++) {
    const pair = stored[block + 4 + j]
    target[first + j] = d * (pair & 15) + m
    target[first + j + 16] = d * (pair >>> 4) + m
  }
}

/** y = d (q - 16); the fifth bit of weight i is bit i of a 32-bit word. */
export const decodeQ5_0: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  fiveBits(stored, block + 2, (q, i) => {
    target[first + i] = d * (q - 16)
  })
}

/** y = d q + m; fifth bits as in Q5_0. */
export const decodeQ5_1: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  const m = halfToFloat(u16(stored, block + 2))
  fiveBits(stored, block + 4, (q, i) => {
    target[first + i] = d * q + m
  })
}

function fiveBits(stored: Uint8Array, at: number, take: (q: number, i: number) => void): void {
  const fifth = u32(stored, at)
  for (let j = 0; j < 16; j++) {
    const pair = stored[at + 4 + j]
    take((pair & 15) | (((fifth >>> j) & 1) << 4), j)
    take((pair >>> 4) | (((fifth >>> (j + 16)) & 1) << 4), j + 16)
  }
}
