import { halfToFloat } from '../half.ts'
import { type DecodeBlock, u16, u32 } from './blocks.ts'
import { IQ1_S_GRID, IQ2_S_GRID, IQ2_XS_GRID, IQ2_XXS_GRID, IQ3_S_GRID, IQ3_XXS_GRID } from './iq-grids.ts'

/*
 * Super-blocks of 256: an index names a group of 8 (or 4) small integers, bits give their signs, and each 32 weights
 * have a small factor to the block's half-precision scale.
 */

/** y = scale value sign for one group of the codebook; bit j of `signs` negates weight j. */
function place(
  grid: Int8Array,
  index: number,
  width: number,
  signs: number,
  scale: number,
  target: Float32Array,
  at: number,
): void {
  for (let j = 0; j < width; j++) {
    const value = scale * grid[width * index + j]
    target[at + j] = (signs >>> j) & 1 ? -value : value
  }
}

/** Seven sign bits stand for eight: the number of negative weights in a group is even. */
function evenSigns(seven: number): number {
  let parity = seven ^ (seven >>> 4)
  parity ^= parity >>> 2
  parity ^= parity >>> 1
  return seven | ((parity & 1) << 7)
}

export const decodeIQ2_XXS: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let b = 0; b < 8; b++) {
    const at = block + 2 + 8 * b
    const word = u32(stored, at + 4)
    const scale = (d * (0.5 + (word >>> 28))) / 4
    for (let l = 0; l < 4; l++) {
      const signs = evenSigns((word >>> (7 * l)) & 127)
      place(IQ2_XXS_GRID, stored[at + l], 8, signs, scale, target, first + 32 * b + 8 * l)
    }
  }
}

export const decodeIQ2_XS: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let g = 0; g < 32; g++) {
    const q = u16(stored, block + 2 + 2 * g)
    const scale = (d * (0.5 + nibbleOf(stored[block + 66 + (g >>> 2)], g))) / 4
    place(IQ2_XS_GRID, q & 511, 8, evenSigns(q >>> 9), scale, target, first + 8 * g)
  }
}

export const decodeIQ2_S: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let g = 0; g < 32; g++) {
    const high = (stored[block + 66 + (g >>> 2)] << (8 - 2 * (g & 3))) & 0x300
    const scale = (d * (0.5 + nibbleOf(stored[block + 74 + (g >>> 2)], g))) / 4
    place(IQ2_S_GRID, stored[block + 2 + g] | high, 8, stored[block + 34 + g], scale, target, first + 8 * g)
  }
}

/** The factors of the IQ2 types: of the four groups of 32 weights, two have the low nibble, two the high one. */
function nibbleOf(byte: number, group: number): number {
  return (byte >>> (4 * ((group >>> 1) & 1))) & 15
}

export const decodeIQ3_XXS: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let b = 0; b < 8; b++) {
    const word = u32(stored, block + 66 + 4 * b)
    const scale = (d * (0.5 + (word >>> 28))) / 2
    for (let l = 0; l < 4; l++) {
      const signs = evenSigns((word >>> (7 * l)) & 127)
      const at = first + 32 * b + 8 * l
      const index = block + 2 + 8 * b + 2 * l
      place(IQ3_XXS_GRID, stored[index], 4, signs, scale, target, at)
      place(IQ3_XXS_GRID, stored[index + 1], 4, signs >>> 4, scale, target, at + 4)
    }
  }
}

export const decodeIQ3_S: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let b = 0; b < 8; b++) {
    const factor = (stored[block + 106 + (b >>> 1)] >>> (4 * (b & 1))) & 15
    const scale = d * (1 + 2 * factor)
    for (let n = 0; n < 8; n++) {
      const index = stored[block + 2 + 8 * b + n] | (((stored[block + 66 + b] >>> n) & 1) << 8)
      const signs = stored[block + 74 + 4 * b + (n >>> 1)] >>> (4 * (n & 1))
      place(IQ3_S_GRID, index, 4, signs, scale, target, first + 32 * b + 4 * n)
    }
  }
}

/** Groups of the one-bit types are shifted by an eighth, up or down. */
const SHIFT = 0.125

export const decodeIQ1_S: DecodeBlock = (stored, block, target, first) => {
  const d = halfToFloat(u16(stored, block))
  for (let b = 0; b < 8; b++) {
    const high = u16(stored, block + 34 + 2 * b)
    const scale = d * (2 * ((high >>> 12) & 7) + 1)
    const shift = high & 0x8000 ? -SHIFT : SHIFT
    for (let l = 0; l < 4; l++) {
      const index = stored[block + 2 + 4 * b + l] | (((high >>> (3 * l)) & 7) << 8)
      placeShifted(index, shift, scale, target, first + 32 * b + 8 * l)
    }
  }
}

export const decodeIQ1_M: DecodeBlock = (stored, block, target, first) => {
  const scales = [0, 1, 2, 3].map((i) => u16(stored, block + 48 + 2 * i))
  // The block's own scale is spread over the top nibbles of the others.
  const d = halfToFloat(scales.reduce((bits, scale, i) => bits | ((scale >>> 12) << (4 * i)), 0))
  for (let g = 0; g < 32; g++) {
    const high = stored[block + 32 + (g >>> 1)] >>> (4 * (g & 1))
    const factor = (scales[g >>> 3] >>> (3 * ((g >>> 1) & 3))) & 7
    const index = stored[block + g] | ((high & 7) << 8)
    placeShifted(index, high & 8 ? -SHIFT : SHIFT, d * (2 * factor + 1), target, first + 8 * g)
  }
}

function placeShifted(index: number, shift: number, scale: number, target: Float32Array, at: number): void {
  for (let j = 0; j < 8; j++) target[at + j] = scale * (IQ1_S_GRID[8 * index + j] + shift)
}
