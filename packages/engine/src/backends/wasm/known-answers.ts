import { newBlock } from '../../weights/decode/block.ts'
import type { QuantizedType } from '../../weights/decode/formats.ts'
import { type DecodableType, type FloatType, isFloat } from '../../weights/element-type.ts'
import { floatToHalf } from '../../weights/half.ts'
import type { CacheType } from '../backend.ts'
import type { KernelName } from './bank.ts'
import { runBytes } from './kernels/attention-runs.ts'
import { attentionScratchBytes } from './kernels/attention-unit.ts'
import { LARGEST_STORED } from './kernels/round-integers.ts'
import { BLOCK_COLUMNS, blockLayout, ROWS_PER_GROUP } from './layout/block-layout.ts'
import {
  ACTIVATION_BLOCK_BYTES,
  ACTIVATION_PAIR_BYTES,
  ACTIVATION_PARTS,
  activationStride,
  groupBytes,
  matrixBytes,
  PAIR_PARTS,
  type Rounding,
} from './layout/geometry.ts'
import {
  elementBytes,
  type FloatCacheType,
  type IntegerCacheType,
  isOfIntegers,
  pageBytes,
} from './layout/key-value-pages.ts'
import { type PlacedMatrix, packRows, roundingOf } from './layout/pack.ts'
import { placeBlock } from './layout/pack-blocks.ts'
import type { TestBench } from './test-bench.ts'

/** A tiny case of a kernel, small enough to compute on paper. */
export interface KernelCheck {
  readonly kernel: KernelName
  readonly run: (bench: TestBench) => Answer
}

interface Answer {
  readonly actual: Float32Array
  readonly expected: readonly number[]
  readonly tolerance: number
}

const ROWS = 11
const COLUMNS = 256
/** A tile of each width. */
const TOKENS = 7
/** With 127 in each block, and most much smaller, the scale is 1 and rounding to 8 bits loses nothing. */
const ACTIVATIONS = Array.from({ length: TOKENS }, (_, t) => {
  return numbersFrom(t + 100, COLUMNS, 111).map((x, k) => (k % 32 === t ? 127 : x - 55))
})

/** Whole numbers from 0 to `below`, without it. */
function numbersFrom(seed: number, count: number, below: number): number[] {
  return Array.from({ length: count }, (_, k) => (k * k * 7 + k * seed * 3 + seed * 11) % below)
}

/** The kernels that read the weights of a type. */
export function checksOfType(type: DecodableType): KernelCheck[] {
  return [
    { kernel: `linear_${type}`, run: (bench) => linear(bench, type) },
    { kernel: `embedding_${type}`, run: (bench) => embedding(bench, type) },
  ]
}

/** How far attention is off at most, with small whole numbers as keys and values. */
const ATTENTION_TOLERANCE: Readonly<Record<CacheType, number>> = { f32: 1e-5, f16: 1e-5, i16: 1e-3, q8_0: 0.05 }

export function checksOfCacheType(type: CacheType): KernelCheck[] {
  return [
    {
      kernel: `append_${type}`,
      run: (bench) => (isOfIntegers(type) ? appendIntegers(bench, type) : append(bench, type)),
    },
    { kernel: `attention_${type}`, run: (bench) => attention(bench, type) },
  ]
}

export const OTHER_CHECKS: readonly KernelCheck[] = [
  { kernel: 'quantize_blocks', run: quantizeBlocks },
  { kernel: 'quantize_super_blocks', run: quantizeSuperBlocks },
  { kernel: 'normalize', run: normalize },
  { kernel: 'rotate_half', run: (bench) => rotate(bench, 'rotate_half', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) },
  { kernel: 'rotate_interleaved', run: (bench) => rotate(bench, 'rotate_interleaved', [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]) },
  { kernel: 'gated_silu', run: gatedSilu },
  { kernel: 'add', run: add },
  { kernel: 'add_bias', run: addBias },
  { kernel: 'select_rows', run: selectRows },
  { kernel: 'weighted_sum', run: weightedSum },
  { kernel: 'join_runs', run: joinRuns },
]

function linear(bench: TestBench, type: DecodableType): Answer {
  const { address, rows } = placeWeights(bench, type)
  const floats = bench.floats(ACTIVATIONS.flat())
  const rounding = roundingOf(type)
  const [activations, stride, steps] = rounding
    ? [rounded(bench, rounding, floats), activationStride(rounding, COLUMNS), COLUMNS / 32]
    : [floats, 4 * COLUMNS, COLUMNS]
  const output = bench.reserve(4 * TOKENS * 16)
  bench.run(`linear_${type}`, address, groupBytes(type, COLUMNS), activations, stride, TOKENS, output, 64, steps, 0, 2)
  const expected = ACTIVATIONS.flatMap((x) => {
    return Array.from({ length: 16 }, (_, n) => (rows[n] ?? []).reduce((sum, w, k) => sum + w * x[k], 0))
  })
  return { actual: bench.read(output, TOKENS * 16), expected, tolerance: 0 }
}

function embedding(bench: TestBench, type: DecodableType): Answer {
  const { address, rows } = placeWeights(bench, type)
  const ids = bench.integers([10, 0, 7])
  const output = bench.reserve(3 * 4 * COLUMNS)
  bench.run(`embedding_${type}`, address, groupBytes(type, COLUMNS), COLUMNS, ids, output, 4 * COLUMNS, 0, 3)
  const expected = [10, 0, 7].flatMap((id) => rows[id])
  return { actual: bench.read(output, 3 * COLUMNS), expected, tolerance: 0 }
}

/** Rows of whole numbers, so small that sums of products are exact, in the layout of their type. */
function placeWeights(bench: TestBench, type: DecodableType): { address: number; rows: readonly number[][] } {
  const address = bench.reserve(matrixBytes(type, ROWS, COLUMNS))
  const matrix = { address, type, rows: ROWS, columns: COLUMNS, groupBytes: groupBytes(type, COLUMNS) }
  const rows = Array.from({ length: ROWS }, (_, n) => {
    return isFloat(type) ? placeFloats(bench, matrix, type, n) : placeCodes(bench, matrix, type, n)
  })
  return { address, rows }
}

function placeFloats({ views }: TestBench, matrix: PlacedMatrix, type: FloatType, n: number): number[] {
  const row = numbersFrom(n + 1, COLUMNS, 16).map((x) => x - 8)
  packRows(views, matrix, n, 1, stored(type, row))
  return row
}

function stored(type: FloatType, row: readonly number[]): Uint8Array {
  switch (type) {
    case 'F32':
      return new Uint8Array(Float32Array.from(row).buffer)
    case 'F16':
      return new Uint8Array(Uint16Array.from(row, floatToHalf).buffer)
    case 'BF16':
      return new Uint8Array(new Uint16Array(Float32Array.from(row).buffer).filter((_, i) => i % 2 === 1).buffer)
  }
}

/** Writes a row of any codes, with small scales and minimums; gives what they stand for. */
function placeCodes({ views }: TestBench, matrix: PlacedMatrix, type: QuantizedType, n: number): number[] {
  const layout = blockLayout(type)
  const { bits, values, subBlock, minimum, scale } = layout.format
  const block = newBlock()
  block.codes.set(numbersFrom(n + 1, COLUMNS, 2 ** bits))
  block.d = 2 ** (n % 2)
  block.dmin = minimum ? 1 + (n % 3) : 0
  if (scale === 'factors') block.factors.set(numbersFrom(n + 2, 16, 5).map((factor) => factor - 2))
  if (scale === 'factors') block.minimumFactors.set(numbersFrom(n + 3, 16, 9))
  const group = matrix.address + Math.floor(n / ROWS_PER_GROUP) * matrix.groupBytes
  placeBlock(views, layout, group, n % ROWS_PER_GROUP, block, 0, COLUMNS / BLOCK_COLUMNS)
  return Array.from(block.codes, (code, k) => {
    const s = Math.floor(k / subBlock)
    return block.d * block.factors[s] * values[code] - block.dmin * block.minimumFactors[s]
  })
}

function rounded(bench: TestBench, rounding: Rounding, floats: number): number {
  const stride = activationStride(rounding, COLUMNS)
  const output = bench.reserve(TOKENS * stride)
  bench.run(`quantize_${rounding}`, floats, 4 * COLUMNS, output, stride, COLUMNS / 32, 0, TOKENS)
  return output
}

/** Ties go to even: with 127 the largest and a scale of 1, 0.5 becomes 0 and 1.5 becomes 2. */
function quantizeBlocks(bench: TestBench): Answer {
  const block = [127, 0.5, 1.5, -0.5, -2.5, 3.49, -127, 2, ...new Array(23).fill(0), 7]
  const input = bench.floats(block)
  const stride = activationStride('blocks', 32)
  const output = bench.reserve(stride)
  bench.run('quantize_blocks', input, 128, output, stride, 1, 0, 1)
  const bytes = new Int8Array(bench.views.bytes.buffer, output, 8)
  const quants = new Int16Array(bench.views.bytes.buffer, output + ACTIVATION_BLOCK_BYTES, 8)
  const [halfScale, scale] = bench.read(output + ACTIVATION_PARTS.halfScale, 2)
  const sums = new Int16Array(bench.views.bytes.buffer, output + ACTIVATION_PARTS.sums, 2)
  const expected = [127, 2, 0, 0, -2, -127, 3, 2, 127, 0, 2, 0, -2, 3, -127, 2, 1, 1, 5, 7]
  const actual = Float32Array.from([...bytes, ...quants, halfScale / 2 ** 112, scale, ...sums])
  return { actual, expected, tolerance: 0 }
}

/**
 * In sixteenths the blocks ask for scales of 16, 8 (ties go to even), 8.504, which becomes 9, and 16 again: there it is the
 * sum of a half, 1014, that asks. The other blocks are zero.
 */
function quantizeSuperBlocks(bench: TestBench): Answer {
  const blocks = [
    [127, 0, 1, -3],
    [63.5, 0.25, 0.75, ...new Array(28).fill(0), -1],
    [67.5, -9],
    new Array(16).fill(63.375),
  ]
  const input = bench.floats(
    Array.from({ length: 8 }, (_, i) => Array.from({ length: 32 }, (_, k) => blocks[i]?.[k] ?? 0)).flat(),
  )
  const stride = activationStride('super_blocks', 256)
  const output = bench.reserve(stride)
  bench.run('quantize_super_blocks', input, 1024, output, stride, 8, 0, 1)
  const parts = [0, 1].flatMap((pair) => {
    const at = output + pair * ACTIVATION_PAIR_BYTES
    const { buffer } = bench.views.bytes
    const shorts = new Int16Array(buffer, at + PAIR_PARTS.multiples, 8)
    const sums = new Int32Array(buffer, at + PAIR_PARTS.negativeSums, 4)
    return [...new Int8Array(buffer, at, 4), ...new Int8Array(buffer, at + 32, 4), ...shorts, ...sums]
  })
  const quants = new Int16Array(bench.views.bytes.buffer, output + 4 * ACTIVATION_PAIR_BYTES + 64, 4)
  const [scale] = bench.read(output + PAIR_PARTS.scale, 1)
  const expected = [
    ...[127, 1, 0, -3, 127, 2, 0, 0, 8, 16, 127 * 8, 125 * 16, 0, 125 * 16, -2 * 8, 129 * 8, -125, 0, -129, 2],
    ...[120, 0, -16, 0, 63, 63, 63, 63, 16, 9, 1008 * 16, 104 * 9, 0, 104 * 9, 0, 1008 * 16, -104, 0, -1008, 0],
    ...[127, 0, 2, 0, 1 / 16],
  ]
  return { actual: Float32Array.from([...parts, ...quants, scale]), expected, tolerance: 0 }
}

/** All of size 2 in the first group and of size 3 in the second: the results are the weights with their signs. */
function normalize(bench: TestBench): Answer {
  const input = bench.floats([2, -2, 2, 2, -2, 3, 3, -3, -3, 3, 0, 0])
  const weight = bench.floats([1, 2, 3, 4, 5])
  const output = bench.reserve(48)
  bench.run('normalize', input, output, 48, weight, 2, 5, 0, 0, 1)
  return { actual: bench.read(output, 10), expected: [1, -2, 3, 4, -5, 1, 2, -3, -4, 5], tolerance: 1e-6 }
}

/** A quarter of a turn for even pairs, none for odd ones; `order` lists the parts as they stand: x of the pairs are 0 to 4, their y 5 to 9. */
function rotate(bench: TestBench, kernel: 'rotate_half' | 'rotate_interleaved', order: readonly number[]): Answer {
  const place = (part: number): number => order.indexOf(part)
  const parts = [1, 2, 3, 4, 5, 10, 20, 30, 40, 50]
  const head = new Array<number>(12).fill(7)
  const turned = new Array<number>(12).fill(7)
  for (let pair = 0; pair < 5; pair++) {
    const [x, y] = [parts[pair], parts[pair + 5]]
    const even = pair % 2 === 0
    head[place(pair)] = x
    head[place(pair + 5)] = y
    turned[place(pair)] = even ? -y : x
    turned[place(pair + 5)] = even ? x : y
  }
  const table = bench.floats([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
  const input = bench.floats(head)
  const output = bench.reserve(48)
  bench.run(kernel, input, output, 48, table, 5, 1, 12, 0, 1)
  return { actual: bench.read(output, 12), expected: turned, tolerance: 0 }
}

function gatedSilu(bench: TestBench): Answer {
  const gates = [0, 1, -1, 30, -30, -200, 200, 3]
  const gate = bench.floats(gates)
  const up = bench.floats([5, 2, 2, 2, 2, 2, 0.5, -1])
  const output = bench.reserve(32)
  bench.run('gated_silu', gate, up, output, 32, 0, 1)
  const expected = [0, 1.4621172, -0.5378828, 60, 0, 0, 100, -2.8577224]
  return { actual: bench.read(output, 8), expected, tolerance: 1e-5 }
}

function add(bench: TestBench): Answer {
  const left = bench.floats([1, 2, 3, 4, 5, 6, 7, 8])
  const right = bench.floats([10, 20, 30, 40, 50, 60, 70, 80])
  const output = bench.reserve(32)
  bench.run('add', left, right, output, 16, 0, 2)
  return { actual: bench.read(output, 8), expected: [11, 22, 33, 44, 55, 66, 77, 88], tolerance: 0 }
}

function addBias(bench: TestBench): Answer {
  const values = bench.floats([1, 2, 3, 4, 5, 6, 7, 8])
  bench.run('add_bias', values, bench.floats([10, 20, 30, 40]), 16, 0, 2)
  return { actual: bench.read(values, 8), expected: [11, 22, 33, 44, 15, 26, 37, 48], tolerance: 0 }
}

function selectRows(bench: TestBench): Answer {
  const input = bench.floats([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
  const output = bench.reserve(32)
  bench.run('select_rows', input, bench.integers([2, 0]), output, 16, 0, 2)
  return { actual: bench.read(output, 8), expected: [3, 3, 3, 3, 1, 1, 1, 1], tolerance: 0 }
}

/** The second output takes row 2 once and row 0 a quarter of a time; the first takes rows 1 and 2. */
function weightedSum(bench: TestBench): Answer {
  const input = bench.floats([4, 8, 12, 16, 2, 2, 2, 2, 1, 10, 100, 1000])
  const rows = bench.integers([1, 2, 2, 0])
  const weights = bench.floats([0.5, 3, 1, 0.25])
  const output = bench.reserve(32)
  bench.run('weighted_sum', input, rows, weights, 2, output, 16, 0, 2)
  return { actual: bench.read(output, 8), expected: [4, 31, 301, 3001, 2, 12, 103, 1004], tolerance: 0 }
}

/** One head of 4 dimensions; token 0 in place 63 of page 0, token 1 in place 0 of page 1. */
const STATE = { kind: 'kv', id: 0, keyValueHeads: 1, headDimension: 4 } as const
const KEYS = [1, 0, 0, 0, 0, 1, 0, 0]
const VALUES = [4, 8, -4, 0.5, 8, 4, 4, 1.5]

function appended(bench: TestBench, type: CacheType, slots: readonly number[]): number {
  const bytes = pageBytes(STATE, type)
  const pages = bench.reserve(2 * bytes)
  const [keys, values, places] = [bench.floats(KEYS), bench.floats(VALUES), bench.integers(slots)]
  bench.run(`append_${type}`, keys, values, 16, places, pages, bytes, 1, 4, 0, 2)
  return pages
}

/** A panel has 64 x 16 elements. Token 63 is column 15 of the last stripe of keys, which has a row for each dimension. */
function append(bench: TestBench, type: FloatCacheType): Answer {
  const pages = appended(bench, type, [63, 64])
  const { bytes } = bench.views
  const size = type === 'f16' ? 2 : 4
  const word = (element: number): number => {
    const at = pages + element * size
    return bytes[at + size - 1] * 256 + bytes[at + size - 2]
  }
  const [panel, page] = [64 * 16, 2 * 64 * 16]
  const last = 3 * 16 * 16 + 15
  const actual = [
    word(last),
    word(last + 16),
    word(page),
    word(page + 16),
    word(panel + 63 * 16),
    word(page + panel + 3),
  ]
  const one = type === 'f16' ? 0x3c00 : 0x3f80
  const [four, oneAndHalf] = type === 'f16' ? [0x4400, 0x3e00] : [0x4080, 0x3fc0]
  return { actual: Float32Array.from(actual), expected: [one, 0, 0, one, four, oneAndHalf], tolerance: 0 }
}

/**
 * A stripe of 16 keys has the pairs of 16 padded dimensions, their scales, and the scales of values: token 63 is the last
 * column of the last stripe. Two tokens make a pair of rows of values.
 */
function appendIntegers(bench: TestBench, type: IntegerCacheType): Answer {
  const pages = appended(bench, type, [63, 64])
  const page = pageBytes(STATE, type)
  const largest = LARGEST_STORED[type]
  const size = elementBytes(type)
  const { buffer } = bench.views.bytes
  const scale = (at: number): number => new Float32Array(buffer, pages + at, 1)[0] * largest
  const integer = (at: number): number =>
    (size === 2 ? new Int16Array(buffer, pages + at, 1) : new Int8Array(buffer, pages + at, 1))[0]
  const rows = 16 * 16 * size
  const stripe = rows + 128
  const last = 3 * stripe
  const values = 4 * stripe
  const actual = [
    ...[scale(last + rows + 60), integer(last + 30 * size), integer(last + 31 * size)],
    ...[scale(page + rows), integer(page), integer(page + size)],
    ...[scale(last + rows + 124), integer(values + (31 * 32 + 1) * size), integer(values + (31 * 32 + 3) * size)],
    ...[scale(page + rows + 64), integer(page + values), integer(page + values + 6 * size)],
  ]
  const half = (largest + 1) / 2
  const expected = [1, largest, 0, 1, 0, largest, 8, half, largest, 8, largest, Math.round((largest * 1.5) / 8)]
  return { actual: Float32Array.from(actual), expected, tolerance: 1e-6 }
}

/** Within a run of pages, and over two of them. */
function attention(bench: TestBench, type: CacheType): Answer {
  const [within, over] = [attentionInPage(bench, type), attentionOverRuns(bench, type)]
  return {
    actual: Float32Array.from([...within.actual, ...over.actual]),
    expected: [...within.expected, ...over.expected],
    tolerance: ATTENTION_TOLERANCE[type],
  }
}

/** Token 0 sees itself; token 1 sees both, with scores ln 3 and 0: it takes three quarters of the first. */
function attentionInPage(bench: TestBench, type: CacheType) {
  const pages = appended(bench, type, [0, 1])
  const queries = bench.floats([1, 2, 3, 4, Math.log(3), 0, 0, 0])
  const output = bench.reserve(32)
  const positions = bench.integers([0, 1])
  const task = bench.integers([0, 2, bench.integers([0]), 1])
  const state = [pages, pageBytes(STATE, type), positions, task, 1, 0] as const
  const shape = [1, 1, 4, 1, bench.reserve(attentionScratchBytes(4))] as const
  bench.run(`attention_${type}`, queries, 16, output, 16, ...state, ...shape, 0, 1)
  return { actual: bench.read(output, 8), expected: [4, 8, -4, 0.5, 5, 7, -2, 0.75] }
}

/**
 * A token in place 512 sees eight times page 0, with one key that is not zero, and then one in page 1: scores of ln 63 and ln
 * 1008 beside 504 zeros, so the first takes a quarter in all and the second a half. Both runs by one call, then as two units
 * that are joined.
 */
function attentionOverRuns(bench: TestBench, type: CacheType) {
  const pages = appended(bench, type, [0, 64])
  const queries = bench.floats([Math.log(63), Math.log(1008), 0, 0])
  const output = bench.reserve(32)
  const positions = bench.integers([512])
  const task = bench.integers([0, 1, bench.integers([0, 0, 0, 0, 0, 0, 0, 0, 1]), 9])
  const kept = bench.reserve(2 * runBytes(4))
  const state = [pages, pageBytes(STATE, type), positions, task] as const
  const shape = [1, 1, 4, 1, bench.reserve(attentionScratchBytes(4))] as const
  bench.run(`attention_${type}`, queries, 16, output, 16, ...state, 1, kept, ...shape, 0, 1)
  bench.run(`attention_${type}`, queries, 16, output, 16, ...state, 2, kept, ...shape, 0, 2)
  bench.run('join_runs', kept, 2, positions, output + 16, 16, 1, 4, 0, 1)
  return { actual: bench.read(output, 8), expected: [5, 4, 1, 0.875, 5, 4, 1, 0.875] }
}

/**
 * A head of 6 dimensions, so one vector and a half. The second token, in place 512, has two runs: the larger score of the second
 * makes a quarter of the first, sums and sum of exponentials alike.
 */
function joinRuns(bench: TestBench): Answer {
  const run = (first: number, maximum: number, total: number): number[] => {
    return Array.from({ length: runBytes(6) / 4 }, (_, i) =>
      i < 6 ? first + i : i === 16 ? maximum : i === 17 ? total : 0,
    )
  }
  const unused = run(-1, 50, -1)
  const kept = bench.floats([...run(2, 3, 2), ...unused, ...run(4, 1, 8), ...run(8, 3, 2)])
  const output = bench.reserve(64)
  bench.run('join_runs', kept, 2, bench.integers([511, 512]), output, 32, 1, 6, 0, 2)
  const expected = [1, 1.5, 2, 2.5, 3, 3.5, 0, 0, 2.25, 2.5625, 2.875, 3.1875, 3.5, 3.8125, 0, 0]
  return { actual: bench.read(output, 16), expected, tolerance: 1e-6 }
}
