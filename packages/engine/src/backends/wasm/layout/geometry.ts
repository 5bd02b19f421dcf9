import { type DecodableType, isFloat, rowBytes } from '../../../weights/element-type.ts'
import { blockGroupBytes, ROWS_PER_GROUP } from './block-layout.ts'

/** Floats to which rows of values are padded: no kernel needs a tail for stores of whole vectors. */
const ROW_ALIGNMENT = 8

/** The forms of rounded activations: with a scale for each block of 32, or one for each super-block of 256. */
export const ROUNDINGS = ['blocks', 'super_blocks'] as const
export type Rounding = (typeof ROUNDINGS)[number]

/**
 * Activations rounded in blocks of 32. A row holds for every block 32 quants as bytes, quad after quad in the order of
 * BYTE_OF_COLUMN, and the parts below; behind all blocks it holds the quants once more, as i16 in their order.
 */
export const ACTIVATION_BLOCK = 32
export const ACTIVATION_BLOCK_BYTES = 44
export const ACTIVATION_PARTS = {
  /** The scale times 2^112, for halves that lack this factor (kernels/half.ts). */
  halfScale: 32,
  scale: 36,
  /** The sums of the first and of the last 16 quants, as i16. */
  sums: 40,
} as const
/** Of the i16 quants of a block. */
export const LANES_BYTES = 64

/**
 * Activations rounded in super-blocks of 256: a block's scale is a whole multiple, 1 to 16 times, of the scale of its
 * super-block. A row holds for every two blocks their 64 quants as bytes, in the order above, and these parts; behind all
 * it holds the quants once more, as i16. What is said to be in pairs has the second block's (or half block's) first.
 */
export const ACTIVATION_PAIR_BYTES = 100
export const PAIR_PARTS = {
  /** The multiples, as a pair of i16. */
  multiples: 64,
  /** The sums of the two blocks' quants times their multiples, as a pair of i16. */
  sums: 68,
  /** The same of half blocks, a pair of i16 for each block. */
  halfSums: 72,
  /** The sums of the four half blocks' quants without the multiples, negated, as i32. */
  negativeSums: 80,
  /** Of the super-block. */
  scale: 96,
} as const
export const MOST_MULTIPLE = 16
/** What the sizes of the quants of half a block add up to at most, so that dot products fit 16 bits. */
export const LARGEST_HALF_SUM = 1023

/** Bytes from one row of a value to the next. */
export function rowStride(width: number): number {
  return 4 * roundUp(width, ROW_ALIGNMENT)
}

/** Bytes of a group of 8 rows. */
export function groupBytes(type: DecodableType, columns: number): number {
  return isFloat(type) ? ROWS_PER_GROUP * rowBytes(type, columns) : blockGroupBytes(type, columns)
}

/** Bytes of a repacked matrix; rows are filled up with zeros to whole groups. */
export function matrixBytes(type: DecodableType, rows: number, columns: number): number {
  return Math.ceil(rows / ROWS_PER_GROUP) * groupBytes(type, columns)
}

/** Bytes from one row of rounded activations to the next. */
export function activationStride(rounding: Rounding, columns: number): number {
  const blocks = Math.ceil(columns / ACTIVATION_BLOCK)
  const bytes = rounding === 'blocks' ? ACTIVATION_BLOCK_BYTES : ACTIVATION_PAIR_BYTES / 2
  return blocks * (bytes + LANES_BYTES)
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
