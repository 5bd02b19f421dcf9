import { type DecodableType, ELEMENT_LAYOUTS, isFloat } from '../../../weights/element-type.ts'
import { blockLayout, ROWS_PER_GROUP } from './block-layout.ts'
import type { Rounding } from './geometry.ts'
import { blockPacker } from './pack-blocks.ts'

/** A bank's memory as numbers of several sizes. */
export interface MemoryViews {
  readonly bytes: Uint8Array
  readonly halves: Uint16Array
  readonly words: Uint32Array
  readonly floats: Float32Array
}

export function viewsOf(buffer: ArrayBufferLike): MemoryViews {
  return {
    bytes: new Uint8Array(buffer),
    halves: new Uint16Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
  }
}

/** A matrix in the layout of the linear kernels. */
export interface PlacedMatrix {
  readonly address: number
  readonly type: DecodableType
  readonly rows: number
  readonly columns: number
  readonly groupBytes: number
}

/** How the activations are rounded that the kernels of a type multiply as small integers; not at all for floats. */
export function roundingOf(type: DecodableType): Rounding | undefined {
  if (isFloat(type)) return undefined
  return blockLayout(type).head ? 'super_blocks' : 'blocks'
}

/**
 * Writes rows, as stored in a file, to their places in a matrix: groups of 8 rows whose elements are interleaved as the
 * linear kernels (kernels/linear-*.ts) read them. No second copy is made.
 */
export function packRows(
  memory: MemoryViews,
  matrix: PlacedMatrix,
  first: number,
  count: number,
  rows: Uint8Array,
): void {
  const { type, address, groupBytes } = matrix
  const rowBytes = rows.byteLength / count
  const pack = packerOf(memory, type)
  for (let i = 0; i < count; i++) {
    const row = first + i
    const group = address + Math.floor(row / ROWS_PER_GROUP) * groupBytes
    pack(rows.subarray(i * rowBytes, (i + 1) * rowBytes), group, row % ROWS_PER_GROUP)
  }
}

/** Writes a row to its place in the group at an address. */
type PackRow = (row: Uint8Array, group: number, place: number) => void

function packerOf(memory: MemoryViews, type: DecodableType): PackRow {
  if (!isFloat(type)) return blockPacker(memory, type)
  const { blockBytes } = ELEMENT_LAYOUTS[type]
  return (row, group, place) => packColumns(memory.halves, group, place, row, blockBytes)
}

/** A column of 8 elements after the other, each of one half or two. */
function packColumns(halves: Uint16Array, group: number, place: number, row: Uint8Array, size: number): void {
  const aligned = row.byteOffset % 2 === 0 ? row : row.slice()
  const stored = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2)
  const parts = size / 2
  let target = group / 2 + parts * place
  for (let i = 0; i < stored.length; i += parts) {
    for (let part = 0; part < parts; part++) halves[target + part] = stored[i + part]
    target += parts * ROWS_PER_GROUP
  }
}
