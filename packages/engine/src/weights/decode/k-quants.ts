import { halfToFloat } from '../half.ts'
import { type DecodeBlock, signed, u16 } from './blocks.ts'

/*
 * K-quants: super-blocks of 256 weights with half-precision scales, cut into sub-blocks of 16 or 32 that have a small
 * integer scale, and some a minimum, each.
 */

/** y = d scale q - dmin minimum: 16 sub-blocks of 16 with 4-bit scales and minimums, 2-bit q. */
export const decodeQ2_K: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block + 80))
  const dmin = halfToFloat(u16(stored, block + 82))
  twoBits((s, i, byte, shift) => {
    const scales = stored[block + s]
    const q = (stored[block + 16 + byte] >>> shift) & 3
    target[first + i] = d * (scales & 15) * q - dmin * (scales >>> 4)
  })
}

/** y = d (scale - 32) (q - 4): 16 sub-blocks of 16 with 6-bit scales; two bits of q together, the third in a mask. */
export const decodeQ3_K: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block + 108))
  twoBits((s, i, byte, shift) => {
    const low = s < 8 ? stored[block + 96 + s] & 15 : stored[block + 88 + s] >>> 4
    const high = (stored[block + 104 + (s & 3)] >>> (2 * (s >>> 2))) & 3
    const mask = stored[block + (byte & 31)] >>> (4 * (byte >>> 5) + shift / 2)
    const q = ((stored[block + 32 + byte] >>> shift) & 3) - (mask & 1 ? 0 : 4)
    target[first + i] = d * ((low | (high << 4)) - 32) * q
  })
}

/** The order of Q2_K and Q3_K: weight i, in sub-block s, has the two bits from `shift` on of byte `byte`. */
function twoBits(take: (s: number, i: number, byte: number, shift: number) => void): void {
  for (let i = 0; i < 256; i++) take(i >>> 4, i, 32 * (i >>> 7) + (i & 31), 2 * ((i >>> 5) & 3))
}

/** y = d scale q - dmin minimum: 8 sub-blocks of 32 with 6-bit scales and minimums, 4-bit q. */
export const decodeQ4_K: DecodeBlock = (stored, block, target, first) => {
  subBlocks(stored, block, (s, scale, minimum) => {
    for (let l = 0; l < 32; l++) {
      const q = (stored[block + 16 + 32 * (s >>> 1) + l] >>> (4 * (s & 1))) & 15
      target[first + 32 * s + l] = scale * q - minimum
    }
  })
}

/** As Q4_K with a fifth bit: bit s of byte l. */
export const decodeQ5_K: DecodeBlock = (stored, block, target, first) => {
  subBlocks(stored, block, (s, scale, minimum) => {
    for (let l = 0; l < 32; l++) {
      const low = (stored[block + 48 + 32 * (s >>> 1) + l] >>> (4 * (s & 1))) & 15
      const q = low | (((stored[block + 16 + l] >>> s) & 1) << 4)
      target[first + 32 * s + l] = scale * q - minimum
    }
  })
}

/** The scales and minimums of Q4_K and Q5_K: 8 of each, 6 bits, in 12 bytes behind the two half-precision factors. */
function subBlocks(stored: Uint8Array, block: number, take: (s: number, scale: number, minimum: number) => void): void {
  const d = halfToFloat(u16(stored, block))
  const dmin = halfToFloat(u16(stored, block + 2))
  const packed = (i: number) => stored[block + 4 + i]
  for (let s = 0; s < 4; s++) take(s, d * (packed(s) & 63), dmin * (packed(s + 4) & 63))
  for (let s = 4; s < 8; s++) {
    const scale = (packed(s + 4) & 15) | ((packed(s - 4) >>> 6) << 4)
    const minimum = (packed(s + 4) >>> 4) | ((packed(s) >>> 6) << 4)
    take(s, d * scale, dmin * minimum)
  }
}

/** y = d scale (q - 32): 16 sub-blocks of 16 with signed 8-bit scales; four bits of q in one array, two in another. */
export const decodeQ6_K: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block + 208))
  for (let i = 0; i < 256; i++) {
    const half = i >>> 7
    const quarter = (i >>> 5) & 3
    const l = i & 31
    const low = stored[block + 64 * half + 32 * (quarter & 1) + l] >>> (4 * (quarter >>> 1))
    const high = (stored[block + 128 + 32 * half + l] >>> (2 * quarter)) & 3
    const q = ((low & 15) | (high << 4)) - 32
    target[first + i] = d * signed(stored[block + 192 + (i >>> 4)]) * q
  }
}
