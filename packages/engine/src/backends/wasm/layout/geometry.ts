import { type DecodableType, isFloat, rowBytes } from '../../../weights/element-type.ts'
import { blockGroupBytes, ROWS_PER_GROUP } from './block-layout.ts'

/** Floats to which rows of values are padded: no kernel needs a tail for stores of whole vectors. */
const ROW_ALIGNMENT = 8

/**
 * Quantised activations come in blocks of 32. A row holds for every block 32 quants as bytes, quad after quad in the
 * order of BYTE_OF_COLUMN, and the parts below; behind all blocks it holds the quants once more, as i16 in their order.
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

/** Bytes from one row of quantised activations to the next. */
export function activationStride(columns: number): number {
  return Math.ceil(columns / ACTIVATION_BLOCK) * (ACTIVATION_BLOCK_BYTES + LANES_BYTES)
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
