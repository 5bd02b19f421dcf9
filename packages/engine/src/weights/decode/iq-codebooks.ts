import { halfToFloat } from '../half.ts'
import type { BlockFormat } from './block.ts'
import { IQ1_S_GRID, IQ2_S_GRID, IQ2_XS_GRID, IQ2_XXS_GRID, IQ3_S_GRID, IQ3_XXS_GRID } from './iq-grids.ts'

/*
 * Super-blocks of 256: an index names a group of 8 (or 4) small integers, bits give their signs, and each 16 or 32
 * weights have a small factor to the block's half-precision scale. The codes are the levels of those integers, and a bit
 * above for the sign.
 */

/** The values of levels, the same negated after them. */
function signedLevels(levels: readonly number[]): Int8Array {
  return Int8Array.from([...levels, ...levels.map((level) => -level)])
}

const IQ2 = { bits: 3, values: signedLevels([8, 25, 43, 0]), scale: 'factors', minimum: false } as const

/** Writes the codes of one group of the codebook; bit j of `signs` negates weight j. */
function takeGroup(
  grid: Uint8Array,
  index: number,
  width: number,
  signs: number,
  signBit: number,
  codes: Uint8Array,
  first: number,
): void {
  for (let j = 0; j < width; j++) codes[first + j] = grid[width * index + j] | (((signs >>> j) & 1) << signBit)
}

/** Seven sign bits stand for eight: the number of negative weights in a group is even. */
function evenSigns(seven: number): number {
  let parity = seven ^ (seven >>> 4)
  parity ^= parity >>> 2
  parity ^= parity >>> 1
  return seven | ((parity & 1) << 7)
}

/** y = d (2 factor + 1) / 8 value */
export const IQ2_XXS: BlockFormat = {
  ...{ ...IQ2, subBlock: 32 },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true)) / 8
    for (let s = 0; s < 8; s++) {
      const group = at + 2 + 8 * s
      const word = stored.getUint32(group + 4, true)
      block.factors[s] = 2 * (word >>> 28) + 1
      for (let l = 0; l < 4; l++) {
        const signs = evenSigns((word >>> (7 * l)) & 127)
        takeGroup(IQ2_XXS_GRID, stored.getUint8(group + l), 8, signs, 2, block.codes, 32 * s + 8 * l)
      }
    }
  },
}

export const IQ2_XS: BlockFormat = {
  ...{ ...IQ2, subBlock: 16 },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true)) / 8
    for (let g = 0; g < 32; g++) {
      const q = stored.getUint16(at + 2 + 2 * g, true)
      takeGroup(IQ2_XS_GRID, q & 511, 8, evenSigns(q >>> 9), 2, block.codes, 8 * g)
    }
    takeNibbleFactors(stored, at + 66, block.factors)
  },
}

export const IQ2_S: BlockFormat = {
  ...{ ...IQ2, subBlock: 16 },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true)) / 8
    for (let g = 0; g < 32; g++) {
      const high = (stored.getUint8(at + 66 + (g >>> 2)) << (8 - 2 * (g & 3))) & 0x300
      takeGroup(IQ2_S_GRID, stored.getUint8(at + 2 + g) | high, 8, stored.getUint8(at + 34 + g), 2, block.codes, 8 * g)
    }
    takeNibbleFactors(stored, at + 74, block.factors)
  },
}

/** Sixteen factors of four bits each. */
function takeNibbleFactors(stored: DataView, at: number, factors: Int32Array): void {
  for (let s = 0; s < 16; s++) factors[s] = 2 * ((stored.getUint8(at + (s >>> 1)) >>> (4 * (s & 1))) & 15) + 1
}

/** y = d (2 factor + 1) / 4 value */
export const IQ3_XXS: BlockFormat = {
  ...{ bits: 4, values: signedLevels([4, 12, 20, 28, 36, 44, 52, 62]), subBlock: 32, scale: 'factors', minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true)) / 4
    for (let s = 0; s < 8; s++) {
      const word = stored.getUint32(at + 66 + 4 * s, true)
      block.factors[s] = 2 * (word >>> 28) + 1
      for (let l = 0; l < 4; l++) {
        const signs = evenSigns((word >>> (7 * l)) & 127)
        const first = 32 * s + 8 * l
        const index = at + 2 + 8 * s + 2 * l
        takeGroup(IQ3_XXS_GRID, stored.getUint8(index), 4, signs, 3, block.codes, first)
        takeGroup(IQ3_XXS_GRID, stored.getUint8(index + 1), 4, signs >>> 4, 3, block.codes, first + 4)
      }
    }
  },
}

/** y = d (2 factor + 1) value */
export const IQ3_S: BlockFormat = {
  ...{ bits: 4, values: signedLevels([1, 3, 5, 7, 9, 11, 13, 15]), subBlock: 32, scale: 'factors', minimum: false },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true))
    for (let s = 0; s < 8; s++) {
      block.factors[s] = 1 + 2 * ((stored.getUint8(at + 106 + (s >>> 1)) >>> (4 * (s & 1))) & 15)
      for (let n = 0; n < 8; n++) {
        const index = stored.getUint8(at + 2 + 8 * s + n) | (((stored.getUint8(at + 66 + s) >>> n) & 1) << 8)
        const signs = stored.getUint8(at + 74 + 4 * s + (n >>> 1)) >>> (4 * (n & 1))
        takeGroup(IQ3_S_GRID, index, 4, signs, 3, block.codes, 32 * s + 4 * n)
      }
    }
  },
}

/** The values -1, 0 and 1 an eighth up, then an eighth down, in eighths. */
const SHIFTED_VALUES = Int8Array.of(-7, 1, 9, 0, -9, -1, 7, 0)
const IQ1 = { bits: 3, values: SHIFTED_VALUES, scale: 'factors', minimum: false } as const

/** y = d (2 factor + 1) (value +- 1/8) */
export const IQ1_S: BlockFormat = {
  ...{ ...IQ1, subBlock: 32 },
  take: (stored, at, block) => {
    block.d = halfToFloat(stored.getUint16(at, true)) / 8
    for (let s = 0; s < 8; s++) {
      const high = stored.getUint16(at + 34 + 2 * s, true)
      block.factors[s] = 2 * ((high >>> 12) & 7) + 1
      const down = high & 0x8000 ? 255 : 0
      for (let l = 0; l < 4; l++) {
        const index = stored.getUint8(at + 2 + 4 * s + l) | (((high >>> (3 * l)) & 7) << 8)
        takeGroup(IQ1_S_GRID, index, 8, down, 2, block.codes, 32 * s + 8 * l)
      }
    }
  },
}

export const IQ1_M: BlockFormat = {
  ...{ ...IQ1, subBlock: 16 },
  take: (stored, at, block) => {
    const scales = [0, 1, 2, 3].map((i) => stored.getUint16(at + 48 + 2 * i, true))
    // The block's own scale is spread over the top nibbles of the others.
    block.d = halfToFloat(scales.reduce((bits, scale, i) => bits | ((scale >>> 12) << (4 * i)), 0)) / 8
    for (let s = 0; s < 16; s++) block.factors[s] = 2 * ((scales[s >>> 2] >>> (3 * (s & 3))) & 7) + 1
    for (let g = 0; g < 32; g++) {
      const high = stored.getUint8(at + 32 + (g >>> 1)) >>> (4 * (g & 1))
      takeGroup(IQ1_S_GRID, stored.getUint8(at + g) | ((high & 7) << 8), 8, high & 8 ? 255 : 0, 2, block.codes, 8 * g)
    }
  },
}
