import type { BlockFormat } from '../../../weights/decode/block.ts'
import { BLOCK_FORMATS, type QuantizedType } from '../../../weights/decode/formats.ts'

/** Rows of a weight whose elements are interleaved, so that one activation meets 4 of them per vector. */
export const ROWS_PER_GROUP = 8
/** Columns that share a block, in every quantised type; a block of a file may be several. */
export const BLOCK_COLUMNS = 32
/** Columns of a quad: 4 neighbours, whose codes lie in 4 neighbouring bytes of their row. */
export const QUAD = 4
/** Where the columns of a quad lie: the low bytes of its two 16-bit lanes are neighbours, and the high bytes. */
export const BYTE_OF_COLUMN = [0, 2, 1, 3] as const
/** Bytes of a chunk: a quad of bytes for each of 8 rows. */
export const CHUNK_BYTES = QUAD * ROWS_PER_GROUP

/** Some bits of every code, in chunks. A byte holds the bits of `quads` columns, 4 apart, lowest bits first. */
export interface Plane {
  readonly bits: 8 | 4 | 2 | 1
  /** The place of the lowest of its bits in a code. */
  readonly shift: number
  /** Quads in a chunk. */
  readonly quads: number
  /** Where it begins in a block. */
  readonly offset: number
}

/**
 * How 8 rows of a quantised type lie in memory, so that kernels can read them. A block of 32 columns holds one or two
 * planes of codes, then scales and minimums. Where these are factors to a float, the floats stand before every 8 blocks.
 */
export interface BlockLayout {
  readonly format: BlockFormat
  readonly planes: readonly Plane[]
  /** Where the scales of the first sub-block are, in a block, and how many bytes each sub-block has. */
  readonly scales: number
  readonly scaleBytes: number
  readonly minimums: number
  readonly blockBytes: number
  /** 8 floats d, then perhaps 8 floats dmin, for the next 8 blocks; 0 for types without. */
  readonly headBytes: number
}

/** Blocks that follow a head. */
export const BLOCKS_PER_HEAD = 8
/** Where dmin of the 8 rows is in a head. */
export const MINIMUMS_IN_HEAD = 4 * ROWS_PER_GROUP

const LAYOUTS = new Map<QuantizedType, BlockLayout>()

export function blockLayout(type: QuantizedType): BlockLayout {
  const known = LAYOUTS.get(type) ?? layoutOf(BLOCK_FORMATS[type])
  LAYOUTS.set(type, known)
  return known
}

/** Bytes of a group of 8 rows. */
export function blockGroupBytes(type: QuantizedType, columns: number): number {
  const { blockBytes, headBytes } = blockLayout(type)
  const blocks = columns / BLOCK_COLUMNS
  return blocks * blockBytes + (blocks / BLOCKS_PER_HEAD) * headBytes
}

function layoutOf(format: BlockFormat): BlockLayout {
  const { bits, scale, minimum, subBlock } = format
  const planes: Plane[] = []
  let offset = 0
  let shift = 0
  for (const plane of PLANES[bits]) {
    planes.push({ bits: plane, shift, quads: 8 / plane, offset })
    offset += (BLOCK_COLUMNS * ROWS_PER_GROUP * plane) / 8
    shift += plane
  }
  const scaleBytes = ROWS_PER_GROUP * (scale === 'half' ? 2 : 1)
  const subBlocks = BLOCK_COLUMNS / subBlock
  const minimums = offset + subBlocks * scaleBytes
  return {
    ...{ format, planes, scales: offset, scaleBytes, minimums },
    blockBytes: minimums + (minimum ? subBlocks * scaleBytes : 0),
    headBytes: scale === 'factors' ? 4 * ROWS_PER_GROUP * (minimum ? 2 : 1) : 0,
  }
}

/** Numbers of bits that 16-bit lanes can be masked for. */
const PLANES: Readonly<Record<BlockFormat['bits'], readonly Plane['bits'][]>> = {
  2: [2],
  3: [2, 1],
  4: [4],
  5: [4, 1],
  6: [4, 2],
  8: [8],
}
