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

/** Bits of the codes of a quad: they lie in the bytes of a chunk from bit `from` on, and in the codes from bit `to` on. */
export interface Field {
  readonly chunk: number
  readonly from: number
  readonly bits: number
  readonly to: number
}

/**
 * How 8 rows of a quantised type lie in memory, so that kernels can read them. A block of 32 columns holds a chunk for each
 * bit of a code, then its scales and minimums. Where these are factors to a float, they and the floats stand in a head before
 * every 8 blocks.
 */
export interface BlockLayout {
  readonly format: BlockFormat
  /** Where the codes of each of the 8 quads of a block are. */
  readonly quads: readonly (readonly Field[])[]
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
  const quads = QUADS[format.bits]
  const start = format.bits * CHUNK_BYTES
  if (format.scale === 'factors') return { format, quads, blockBytes: start, scales: undefined, head: headOf(format) }
  const subBlockBytes = ROWS_PER_GROUP * (format.scale === 'half' ? 2 : 1)
  const bytes = (BLOCK_COLUMNS / format.subBlock) * subBlockBytes
  const scales = { start, minimums: start + bytes, subBlockBytes }
  return { format, quads, blockBytes: start + bytes * (format.minimum ? 2 : 1), scales, head: undefined }
}

function headOf({ subBlock, minimum }: BlockFormat): HeadLayout {
  const factors = ROWS_PER_GROUP * (SUPER_BLOCK / subBlock)
  const floats = 4 * ROWS_PER_GROUP
  const d = factors * (minimum ? 2 : 1)
  return { minimumFactors: factors, d, dmin: d + floats, bytes: d + floats * (minimum ? 2 : 1) }
}

const field = (chunk: number, from: number, bits: number, to = 0): Field => ({ chunk, from, bits, to })
const whole = (bits: 2 | 4 | 8) => (quad: number) => [field((quad * bits) >> 3, (quad * bits) & 7, bits)]

/**
 * As many codes as fit lie in the bytes of their chunks as they are. What a byte has left holds parts of the others: those
 * cost more to put together, but are few.
 */
const QUADS: Readonly<Record<BlockFormat['bits'], BlockLayout['quads']>> = {
  2: eightQuads(whole(2)),
  3: [
    [field(0, 0, 3)],
    [field(0, 3, 3)],
    [field(1, 0, 3)],
    [field(1, 3, 3)],
    [field(2, 0, 3)],
    [field(2, 3, 3)],
    [field(0, 6, 2), field(1, 6, 1, 2)],
    [field(1, 7, 1, 2), field(2, 6, 2)],
  ],
  4: eightQuads(whole(4)),
  5: [
    [field(0, 0, 5)],
    [field(1, 0, 5)],
    [field(0, 5, 3), field(1, 6, 2, 3)],
    [field(2, 0, 5)],
    [field(3, 0, 5)],
    [field(2, 5, 3), field(3, 6, 2, 3)],
    [field(4, 0, 5)],
    [field(1, 5, 1, 3), field(3, 5, 1, 4), field(4, 5, 3)],
  ],
  6: eightQuads((quad) => {
    const first = 3 * (quad >> 2)
    if ((quad & 3) < 3) return [field(first + (quad & 3), 0, 6)]
    return [field(first, 6, 2), field(first + 1, 6, 2, 2), field(first + 2, 6, 2, 4)]
  }),
  8: eightQuads(whole(8)),
}

function eightQuads(fields: (quad: number) => Field[]): Field[][] {
  return Array.from({ length: BLOCK_COLUMNS / QUAD }, (_, quad) => fields(quad))
}
