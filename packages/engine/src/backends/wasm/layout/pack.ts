import { ELEMENT_LAYOUTS, type RunnableType } from '../../../weights/element-type.ts'
import { ROWS_PER_GROUP } from './geometry.ts'

/** A bank's memory as numbers of several sizes. */
export interface MemoryViews {
  readonly bytes: Uint8Array
  readonly halves: Uint16Array
  readonly words: Uint32Array
}

/** A matrix in the layout of the linear kernels. */
export interface PlacedMatrix {
  readonly address: number
  readonly type: RunnableType
  readonly rows: number
  readonly columns: number
  readonly groupBytes: number
}

/** Whether the kernels of a matrix multiply small integers with activations that are rounded likewise. */
export function takesIntegers(matrix: PlacedMatrix | undefined): boolean {
  return matrix?.type === 'Q8_0' || matrix?.type === 'Q4_0'
}

/**
 * Writes rows, as stored in a file, to their places in a matrix: groups of 8 rows whose elements are interleaved as the
 * linear kernels (kernels/linear-*.ts) say. No byte is added, and no second copy is made.
 */
export function packRows(
  memory: MemoryViews,
  matrix: PlacedMatrix,
  first: number,
  count: number,
  rows: Uint8Array,
): void {
  const stored = rows.byteOffset % 4 === 0 ? rows : rows.slice()
  const halves = new Uint16Array(stored.buffer, stored.byteOffset, stored.byteLength >> 1)
  const { type, columns, groupBytes } = matrix
  const rowHalves = halves.length / count
  const blocks = columns / ELEMENT_LAYOUTS[type].blockLength
  for (let i = 0; i < count; i++) {
    const row = first + i
    const group = matrix.address + Math.floor(row / ROWS_PER_GROUP) * groupBytes
    PACKERS[type](memory, group, row % ROWS_PER_GROUP, halves.subarray(i * rowHalves, (i + 1) * rowHalves), blocks)
  }
}

/** Writes one row to its place in the group at an address. */
type PackRow = (memory: MemoryViews, group: number, place: number, row: Uint16Array, blocks: number) => void

const PACKERS: Readonly<Record<RunnableType, PackRow>> = {
  F32: packWords,
  F16: packHalves,
  BF16: packHalves,
  Q8_0: packQ8,
  Q4_0: packQ4,
}

/** A column of 8 floats after the other. */
function packWords({ halves }: MemoryViews, group: number, place: number, row: Uint16Array): void {
  let target = group / 2 + 2 * place
  for (let i = 0; i < row.length; i += 2) {
    halves[target] = row[i]
    halves[target + 1] = row[i + 1]
    target += 2 * ROWS_PER_GROUP
  }
}

/** A column of 8 halves after the other. */
function packHalves({ halves }: MemoryViews, group: number, place: number, row: Uint16Array): void {
  let target = group / 2 + place
  for (let i = 0; i < row.length; i++) {
    halves[target] = row[i]
    target += ROWS_PER_GROUP
  }
}

/** Blocks of 16 pairs of columns, each with 8 rows' two bytes, and 8 scales. */
function packQ8({ halves }: MemoryViews, group: number, place: number, row: Uint16Array, blocks: number): void {
  let target = group / 2 + place
  let source = 0
  for (let block = 0; block < blocks; block++) {
    halves[target + 16 * ROWS_PER_GROUP] = row[source++]
    for (let pair = 0; pair < 16; pair++) {
      halves[target] = row[source++]
      target += ROWS_PER_GROUP
    }
    target += ROWS_PER_GROUP
  }
}

/** Blocks of 4 chunks, each with 8 rows' four bytes in the order 0 2 1 3, and 8 scales. */
function packQ4({ halves, words }: MemoryViews, group: number, place: number, row: Uint16Array, blocks: number): void {
  const blockWords = 36
  let source = 0
  for (let block = 0; block < blocks; block++) {
    const target = group / 4 + block * blockWords
    halves[2 * (target + 4 * ROWS_PER_GROUP) + place] = row[source++]
    for (let chunk = 0; chunk < 4; chunk++) {
      const even = row[source++]
      const odd = row[source++]
      const low = (even & 0xff) | ((odd & 0xff) << 8)
      const high = (even >>> 8) | (odd & 0xff00)
      words[target + chunk * ROWS_PER_GROUP + place] = low | (high << 16)
    }
  }
}
