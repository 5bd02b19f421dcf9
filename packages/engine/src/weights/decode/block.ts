/** Weights of the longest block. */
const LONGEST_BLOCK = 256
const MOST_SUB_BLOCKS = 16

/**
 * One block of quantised weights, taken apart: the weight i, in the sub-block s, is
 * `d * factors[s] * value(codes[i]) - dmin * minimumFactors[s]`.
 */
export interface Block {
  readonly codes: Uint8Array
  /** The same four at a time. */
  readonly codeWords: Uint32Array
  d: number
  dmin: number
  readonly factors: Int32Array
  readonly minimumFactors: Int32Array
}

/** How the weights of a type are coded. Source: ggml-common.h and ggml-quants.c of llama.cpp. */
export interface BlockFormat {
  /** Bits of a code. */
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8
  /** What the codes stand for: whole numbers from -128 to 127. */
  readonly values: Int8Array
  /** Weights that share a scale. */
  readonly subBlock: 16 | 32
  /** What holds the scale `d * factors[s]` without loss: a half, a power of two, or d as a float and factors as signed bytes. */
  readonly scale: 'half' | 'power' | 'factors'
  /** Whether there are minimums: `dmin` is a half then, or, as a float, has whole factors up to 63. */
  readonly minimum: boolean
  /** Takes apart the block that is stored from byte `at` on. What a format lacks it leaves alone. */
  readonly take: (stored: DataView, at: number, block: Block) => void
}

/** A block without a minimum whose factors are 1, for formats to fill. */
export function newBlock(): Block {
  const codes = new Uint8Array(LONGEST_BLOCK)
  return {
    codes,
    codeWords: new Uint32Array(codes.buffer),
    d: 0,
    dmin: 0,
    factors: new Int32Array(MOST_SUB_BLOCKS).fill(1),
    minimumFactors: new Int32Array(MOST_SUB_BLOCKS).fill(1),
  }
}

/** The values of codes that are numbers above an offset: code - offset. */
export function above(offset: number, bits: number): Int8Array {
  return Int8Array.from({ length: 2 ** bits }, (_, code) => code - offset)
}

/** `count` bytes, a multiple of 4, are 2 `count` codes from `first` on: the low nibbles, then the high ones. */
export function takeNibbles(stored: DataView, at: number, count: number, { codeWords }: Block, first: number): void {
  const low = first / 4
  const high = (first + count) / 4
  for (let j = 0; j < count / 4; j++) {
    const word = stored.getUint32(at + 4 * j, true)
    codeWords[low + j] = word & 0x0f0f_0f0f
    codeWords[high + j] = (word >>> 4) & 0x0f0f_0f0f
  }
}

/** Of each of the 32 bytes from `at` on the two bits from bit `shift` on are a code. */
export function takeTwoBits(stored: DataView, at: number, shift: number, { codeWords }: Block, first: number): void {
  for (let j = 0; j < 8; j++) codeWords[first / 4 + j] = (stored.getUint32(at + 4 * j, true) >>> shift) & 0x0303_0303
}

/** Of each of the 32 bytes from `at` on one bit, or those of the mask 3, belong to a code, from its bit `place` on. */
export function addBits(
  stored: DataView,
  at: number,
  shift: number,
  mask: 1 | 3,
  place: number,
  { codeWords }: Block,
  first: number,
): void {
  for (let j = 0; j < 8; j++) {
    const bits = (stored.getUint32(at + 4 * j, true) >>> shift) & (mask * 0x0101_0101)
    codeWords[first / 4 + j] |= bits << place
  }
}
