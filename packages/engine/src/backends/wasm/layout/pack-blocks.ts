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
  const placeCodes = PLACE_CODES[layout.format.bits]
  let address = group + index * blockBytes
  if (head) {
    address += (index / BLOCKS_PER_HEAD) * head.bytes
    placeHead(memory, layout.format, head, address, place, block)
    address += head.bytes
  }
  for (let i = 0; i < blocks; i++) {
    placeCodes(memory.words, address / 4 + place, block.codeWords, (i * BLOCK_COLUMNS) / QUAD)
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

const CHUNK_WORDS = CHUNK_BYTES / 4

/**
 * Writes the codes of 32 columns, of every chunk a word for this row: see `QUADS` of the layout for what goes where.
 * @param target index of the first word @param first index of the words of codes
 */
type PlaceCodes = (words: Uint32Array, target: number, codes: Uint32Array, first: number) => void

const PLACE_CODES: Readonly<Record<BlockFormat['bits'], PlaceCodes>> = {
  2: placeTwoBits,
  3: placeThreeBits,
  4: placeFourBits,
  5: placeFiveBits,
  6: placeSixBits,
  8: placeBytes,
}

function placeTwoBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  for (let from = first, to = target; from < first + 8; from += 4, to += CHUNK_WORDS) {
    words[to] = inByteOrder(codes[from] | (codes[from + 1] << 2) | (codes[from + 2] << 4) | (codes[from + 3] << 6))
  }
}

function placeThreeBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  const [sixth, seventh] = [codes[first + 6], codes[first + 7]]
  const [zero, one] = [codes[first] | (codes[first + 1] << 3), codes[first + 2] | (codes[first + 3] << 3)]
  const two = codes[first + 4] | (codes[first + 5] << 3)
  const highest = ((sixth & FOURS) << 4) | ((seventh & FOURS) << 5)
  words[target] = inByteOrder(zero | ((sixth & THREES) << 6))
  words[target + CHUNK_WORDS] = inByteOrder(one | highest)
  words[target + 2 * CHUNK_WORDS] = inByteOrder(two | ((seventh & THREES) << 6))
}

function placeFourBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  for (let from = first, to = target; from < first + 8; from += 2, to += CHUNK_WORDS) {
    words[to] = inByteOrder(codes[from] | (codes[from + 1] << 4))
  }
}

function placeFiveBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  const [second, fifth, seventh] = [codes[first + 2], codes[first + 5], codes[first + 7]]
  const one = codes[first + 1] | ((second & (3 * EIGHTS)) << 3) | ((seventh & EIGHTS) << 2)
  const three = codes[first + 4] | ((fifth & (3 * EIGHTS)) << 3) | ((seventh & (2 * EIGHTS)) << 1)
  words[target] = inByteOrder(codes[first] | ((second & SEVENS) << 5))
  words[target + CHUNK_WORDS] = inByteOrder(one)
  words[target + 2 * CHUNK_WORDS] = inByteOrder(codes[first + 3] | ((fifth & SEVENS) << 5))
  words[target + 3 * CHUNK_WORDS] = inByteOrder(three)
  words[target + 4 * CHUNK_WORDS] = inByteOrder(codes[first + 6] | ((seventh & SEVENS) << 5))
}

function placeSixBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  placeHalfOfSixBits(words, target, codes, first)
  placeHalfOfSixBits(words, target + 3 * CHUNK_WORDS, codes, first + 4)
}

/** Of 16 columns. */
function placeHalfOfSixBits(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  const third = codes[first + 3]
  words[target] = inByteOrder(codes[first] | ((third & THREES) << 6))
  words[target + CHUNK_WORDS] = inByteOrder(codes[first + 1] | ((third & (4 * THREES)) << 4))
  words[target + 2 * CHUNK_WORDS] = inByteOrder(codes[first + 2] | ((third & (16 * THREES)) << 2))
}

function placeBytes(words: Uint32Array, target: number, codes: Uint32Array, first: number): void {
  for (let from = first, to = target; from < first + 8; from++, to += CHUNK_WORDS) words[to] = inByteOrder(codes[from])
}

/** The same number in each of four bytes. */
const THREES = 0x0303_0303
const FOURS = 0x0404_0404
const SEVENS = 0x0707_0707
const EIGHTS = 0x0808_0808

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
