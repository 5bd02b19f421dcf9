import { type ElementType, rowBytes } from '../../../weights/element-type.ts'

/** Rows of a weight whose elements are interleaved, so that one activation meets 4 of them per vector. */
export const ROWS_PER_GROUP = 8

/** Floats to which rows of values are padded: no kernel needs a tail for stores of whole vectors. */
const ROW_ALIGNMENT = 8

/** One block of quantised activations: 32 i16 quants, the f32 scale times 2^112, the i32 sum of the quants. */
export const ACTIVATION_BLOCK = 32
export const ACTIVATION_BLOCK_BYTES = 72

/** Bytes from one row of a value to the next. */
export function rowStride(width: number): number {
  return 4 * roundUp(width, ROW_ALIGNMENT)
}

/** Bytes of a group of 8 rows: as many as in the file. */
export function groupBytes(type: ElementType, columns: number): number {
  return ROWS_PER_GROUP * rowBytes(type, columns)
}

/** Bytes of a repacked matrix; rows are filled up with zeros to whole groups. */
export function matrixBytes(type: ElementType, rows: number, columns: number): number {
  return Math.ceil(rows / ROWS_PER_GROUP) * groupBytes(type, columns)
}

/** Bytes from one row of quantised activations to the next. */
export function activationStride(columns: number): number {
  return Math.ceil(columns / ACTIVATION_BLOCK) * ACTIVATION_BLOCK_BYTES
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
