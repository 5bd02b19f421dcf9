import { type Block, type BlockFormat, newBlock } from '../../../weights/decode/block.ts'
import { BLOCK_FORMATS, type QuantizedType } from '../../../weights/decode/formats.ts'
import { ELEMENT_LAYOUTS } from '../../../weights/element-type.ts'
import { floatToHalf } from '../../../weights/half.ts'
import {
  BLOCK_COLUMNS,
  BLOCKS_PER_HEAD,
  type BlockLayout,
  blockLayout,
  CHUNK_BYTES,
  factorOffset,
  type HeadLayout,
  QUAD,
  type ScalesLayout,
  SUPER_BLOCK,
} from './block-layout.ts'
import type { MemoryViews } from './pack.ts'

/** What writes rows of quantised weights, as stored, to their places in the groups at given addresses. */
export function blockPacker(memory: MemoryViews, type: QuantizedType) {
  const layout = blockLayout(type)
  const { take } = BLOCK_FORMATS[type]
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  const blocks = blockLength / BLOCK_COLUMNS
  const block = newBlock()
  return (row: Uint8Array, group: number, place: number): void => {
    const stored = new DataView(row.buffer, row.byteOffset, row.byteLength)
    for (let at = 0, index = 0; at < row.length; at += blockBytes, index += blocks) {
      take(stored, at, block)
      placeBlock(memory, layout, group, place, block, index, blocks)
    }
  }
}

/** Writes a block of a file as `blocks` blocks of a layout, the first of which is the block `index` of its row. */
export function placeBlock(
  memory: MemoryViews,
  layout: BlockLayout,
  group: number,
  place: number,
  block: Block,
  index: number,
  blocks: number,
): void {
  const { blockBytes, head } = layout
  const pieces = piecesOf(layout)
  let address = group + index * blockBytes
  if (head) {
    address += (index / BLOCKS_PER_HEAD) * head.bytes
    placeHead(memory, layout.format, head, address, place, block)
    address += head.bytes
  }
  for (let i = 0; i < blocks; i++) {
    placeCodes(memory.words, layout.format.bits, pieces, address, place, block, i)
    if (layout.scales) placeScales(memory, layout.format, layout.scales, address, place, block, i)
    address += blockBytes
  }
}

function placeHead(
  { bytes, floats }: MemoryViews,
  { subBlock, minimum }: BlockFormat,
  head: HeadLayout,
  address: number,
  place: number,
  block: Block,
): void {
  const subBlocks = SUPER_BLOCK / subBlock
  for (let s = 0; s < subBlocks; s++) bytes[address + factorOffset(s, place)] = block.factors[s]
  floats[(address + head.d) / 4 + place] = block.d
  if (!minimum) return
  const minimums = address + head.minimumFactors
  for (let s = 0; s < subBlocks; s++) bytes[minimums + factorOffset(s, place)] = block.minimumFactors[s]
  floats[(address + head.dmin) / 4 + place] = block.dmin
}

/** Four numbers for each field of a layout, chunk after chunk: quad, place in the codes, mask, place in the chunk. */
type Pieces = readonly Int32Array[]

const PIECES = new Map<BlockLayout['quads'], Pieces>()

function piecesOf({ format, quads }: BlockLayout): Pieces {
  const known = PIECES.get(quads)
  if (known) return known
  const pieces = Array.from({ length: format.bits }, (_, chunk) => {
    const fields = quads.flatMap((fieldsOfQuad, quad) => {
      const here = fieldsOfQuad.filter((field) => field.chunk === chunk)
      return here.flatMap(({ from, bits, to }) => [quad, to, (2 ** bits - 1) * 0x0101_0101, from])
    })
    return Int32Array.from(fields, (number) => number | 0)
  })
  PIECES.set(quads, pieces)
  return pieces
}

/** The codes of 32 columns: of every chunk a word for this row. */
function placeCodes(
  words: Uint32Array,
  bits: BlockFormat['bits'],
  pieces: Pieces,
  address: number,
  place: number,
  { codeWords }: Block,
  index: number,
): void {
  const first = (index * BLOCK_COLUMNS) / QUAD
  const end = first + BLOCK_COLUMNS / QUAD
  let target = address / 4 + place
  if (bits === 8) {
    for (let from = first; from < end; from++, target += CHUNK_BYTES / 4) words[target] = inByteOrder(codeWords[from])
    return
  }
  if (bits === 4) {
    for (let from = first; from < end; from += 2, target += CHUNK_BYTES / 4) {
      words[target] = inByteOrder(codeWords[from] | (codeWords[from + 1] << 4))
    }
    return
  }
  for (let chunk = 0; chunk < bits; chunk++, target += CHUNK_BYTES / 4) {
    const numbers = pieces[chunk]
    let word = 0
    for (let i = 0; i < numbers.length; i += 4) {
      word |= ((codeWords[first + numbers[i]] >>> numbers[i + 1]) & numbers[i + 2]) << numbers[i + 3]
    }
    words[target] = inByteOrder(word)
  }
}

/** Four bytes as in BYTE_OF_COLUMN: the middle ones change places. */
function inByteOrder(word: number): number {
  return (word & 0xff00_00ff) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00)
}

function placeScales(
  memory: MemoryViews,
  { subBlock, scale, minimum }: BlockFormat,
  { start, minimums, subBlockBytes }: ScalesLayout,
  address: number,
  place: number,
  block: Block,
  index: number,
): void {
  const subBlocks = BLOCK_COLUMNS / subBlock
  for (let i = 0; i < subBlocks; i++) {
    const s = index * subBlocks + i
    placeScale(memory, scale, address + start + i * subBlockBytes, place, block.d, block.factors[s])
    if (!minimum) continue
    placeScale(memory, scale, address + minimums + i * subBlockBytes, place, block.dmin, block.minimumFactors[s])
  }
}

/** @param address of the scales of 8 rows */
function placeScale(
  { bytes, halves }: MemoryViews,
  kind: BlockFormat['scale'],
  address: number,
  place: number,
  d: number,
  factor: number,
): void {
  if (kind === 'half') halves[address / 2 + place] = floatToHalf(d * factor)
  else bytes[address + place] = Math.log2(d) + POWER_BIAS
}

/** The byte e stands for 2^(e - 128). */
const POWER_BIAS = 128
