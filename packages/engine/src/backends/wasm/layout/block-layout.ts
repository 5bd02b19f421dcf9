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
 * planes of codes, then its scales and minimums. Where these are factors to a float, they and the floats stand in a head
 * before every 8 blocks.
 */
export interface BlockLayout {
  readonly format: BlockFormat
  readonly planes: readonly Plane[]
  readonly blockBytes: number
  /** For types whose blocks have scales of their own. */
  readonly scales: ScalesLayout | undefined
  /** For types whose scales are factors to a float. */
  readonly head: HeadLayout | undefined
}

/** Where the scales and minimums of the first sub-block begin in a block, and how many bytes each sub-block has. */
export interface ScalesLayout {
  readonly start: number
  readonly minimums: number
  readonly subBlockBytes: number
}

/**
 * Where the parts of a head begin. Factors come in pairs of neighbouring sub-blocks: the second one's and the first one's,
 * as bytes, for each of the 8 rows. `d` and `dmin` are 8 floats each.
 */
export interface HeadLayout {
  readonly minimumFactors: number
  readonly d: number
  readonly dmin: number
  readonly bytes: number
}

/** Blocks that follow a head. */
export const BLOCKS_PER_HEAD = 8
/** Columns that share the floats of a head. */
export const SUPER_BLOCK = BLOCKS_PER_HEAD * BLOCK_COLUMNS
/** Bytes of the factors of two sub-blocks of 8 rows. */
export const PAIR_OF_FACTORS = 2 * ROWS_PER_GROUP

const LAYOUTS = new Map<QuantizedType, BlockLayout>()

export function blockLayout(type: QuantizedType): BlockLayout {
  const known = LAYOUTS.get(type) ?? layoutOf(BLOCK_FORMATS[type])
  LAYOUTS.set(type, known)
  return known
}

/** Bytes of a group of 8 rows. */
export function blockGroupBytes(type: QuantizedType, columns: number): number {
  const { blockBytes, head } = blockLayout(type)
  const blocks = columns / BLOCK_COLUMNS
  return blocks * blockBytes + (blocks / BLOCKS_PER_HEAD) * (head?.bytes ?? 0)
}

/** Where the factor of a sub-block is in the head, for the row at `place` of the group. */
export function factorOffset(subBlock: number, place: number): number {
  return (subBlock >> 1) * PAIR_OF_FACTORS + 2 * place + (1 - (subBlock & 1))
}

function layoutOf(format: BlockFormat): BlockLayout {
  const planes: Plane[] = []
  let offset = 0
  let shift = 0
  for (const plane of PLANES[format.bits]) {
    planes.push({ bits: plane, shift, quads: 8 / plane, offset })
    offset += (BLOCK_COLUMNS * ROWS_PER_GROUP * plane) / 8
    shift += plane
  }
  if (format.scale === 'factors') return { format, planes, blockBytes: offset, scales: undefined, head: headOf(format) }
  const subBlockBytes = ROWS_PER_GROUP * (format.scale === 'half' ? 2 : 1)
  const bytes = (BLOCK_COLUMNS / format.subBlock) * subBlockBytes
  const scales = { start: offset, minimums: offset + bytes, subBlockBytes }
  return { format, planes, blockBytes: offset + bytes * (format.minimum ? 2 : 1), scales, head: undefined }
}

function headOf({ subBlock, minimum }: BlockFormat): HeadLayout {
  const factors = ROWS_PER_GROUP * (SUPER_BLOCK / subBlock)
  const floats = 4 * ROWS_PER_GROUP
  const d = factors * (minimum ? 2 : 1)
  return { minimumFactors: factors, d, dmin: d + floats, bytes: d + floats * (minimum ? 2 : 1) }
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
