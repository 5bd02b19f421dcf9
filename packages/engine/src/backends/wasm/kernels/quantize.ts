import {
  type F32,
  type I32,
  lane,
  load,
  op,
  shuffle,
  shuffleBytes,
  sum,
  type V128,
  vectorOf,
  vectorOfBits,
  zeroVector,
} from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { BLOCKS_PER_HEAD, BYTE_OF_COLUMN, QUAD } from '../layout/block-layout.ts'
import {
  ACTIVATION_BLOCK,
  ACTIVATION_BLOCK_BYTES,
  ACTIVATION_PAIR_BYTES,
  ACTIVATION_PARTS,
  LANES_BYTES,
  LARGEST_HALF_SUM,
  MOST_MULTIPLE,
  PAIR_PARTS,
} from '../layout/geometry.ts'
import { HALF_FACTOR, halvesOf } from './half.ts'
import { sumOfIntegerLanes, sumOfLanes } from './reduce.ts'
import { ROUNDER, roundedSum } from './rounding.ts'

/**
 * Rounds rows [from, to) of activations to 8 bits in blocks of 32, as llama.cpp does: d = max |x| / 127, quants
 * q = x (127 / max |x|) to the nearest integer, ties to even, and d itself rounded to a half.
 * See layout/geometry.ts for what a block holds.
 */
export function quantizeBlocksKernel(): FunctionBuilder {
  return perRow('quantize_blocks', ACTIVATION_BLOCK_BYTES, (f, source, target, lanes, block, blocks) => {
    f.forRange(block, blocks, 1, () => {
      emitBlock(f, source, target, lanes)
      f.increase(source, 128)
      f.increase(target, ACTIVATION_BLOCK_BYTES)
      f.increase(lanes, LANES_BYTES)
    })
  })
}

/**
 * Rounds rows [from, to) of activations to 8 bits in super-blocks of 256, whose scale d is a sixteenth of the largest scale
 * that one of their blocks of 32 asks for. A block's scale is the multiple m d that is next above what it asks for:
 * that its largest quant is at most 127, and the quants of half of it add up to no more than LARGEST_HALF_SUM. (That asks
 * for more only where nearly all are as large as the largest, and then rounding is finer than elsewhere.)
 */
export function quantizeSuperBlocksKernel(): FunctionBuilder {
  return perRow('quantize_super_blocks', ACTIVATION_PAIR_BYTES / 2, (f, source, target, lanes, block, blocks) => {
    f.forRange(block, blocks, BLOCKS_PER_HEAD, () => emitSuperBlock(f, source, target, lanes))
  })
}

type EmitRow = (
  f: FunctionBuilder,
  source: Local<'i32'>,
  target: Local<'i32'>,
  lanes: Local<'i32'>,
  block: Local<'i32'>,
  blocks: Local<'i32'>,
) => void

/** @param blockBytes of the result, without what lies behind all blocks */
function perRow(name: string, blockBytes: number, emitRow: EmitRow): FunctionBuilder {
  const f = new FunctionBuilder(name)
  const { input, inputStride, output, outputStride, blocks, from, to } = f.parameterList(
    'input',
    'inputStride',
    'output',
    'outputStride',
    'blocks',
    'from',
    'to',
  )
  const row = f.let('row', from)
  const source = f.local('source', 'i32')
  const target = f.local('target', 'i32')
  const lanes = f.local('lanes', 'i32')
  const block = f.local('block', 'i32')
  f.forRange(row, to, 1, () => {
    f.set(source, sum(input, op('i32.mul', row, inputStride)))
    f.set(target, sum(output, op('i32.mul', row, outputStride)))
    f.set(lanes, sum(target, op('i32.mul', blocks, blockBytes)))
    f.set(block, 0)
    emitRow(f, source, target, lanes, block, blocks)
  })
  return f
}

function emitBlock(f: FunctionBuilder, source: I32, target: I32, lanes: I32): void {
  const vectors = loadBlock(f, source)
  const largest = f.let('largest', largestSize(f, vectors))
  const factor = f.local('factor', 'v128')
  f.set(factor, zeroVector())
  f.if(op('f32.gt', largest, 0), () => {
    f.set(factor, op('f32x4.splat', op('f32.div', 127, largest)))
  })
  const sums = storeQuants(f, vectors, factor, target, 0, lanes)
  const halves = halvesOf(f, op('f32x4.splat', op('f32.div', largest, 127)))
  const halfScale = f.let('halfScale', scaleOf(halves))
  f.store('f32.store', target, ACTIVATION_PARTS.halfScale, halfScale)
  f.store('f32.store', target, ACTIVATION_PARTS.scale, op('f32.mul', halfScale, 2 ** -112))
  for (const half of [0, 1]) f.store('i32.store16', target, ACTIVATION_PARTS.sums + 2 * half, sums[half])
}

function emitSuperBlock(f: FunctionBuilder, source: Local<'i32'>, target: Local<'i32'>, lanes: Local<'i32'>): void {
  const largest = f.local('largestScale', 'f32')
  const end = f.let('end', sum(lanes, LANES_BYTES * BLOCKS_PER_HEAD))
  f.set(largest, 0)
  f.forRange(lanes, end, LANES_BYTES, () => {
    const scale = f.let('scale', neededScale(f, loadBlock(f, source)))
    // Where its quants are to stand.
    f.store('f32.store', lanes, 0, scale)
    f.set(largest, op('f32.max', largest, scale))
    f.increase(source, 128)
  })
  f.increase(source, -128 * BLOCKS_PER_HEAD)
  f.increase(lanes, -LANES_BYTES * BLOCKS_PER_HEAD)
  const inverse = f.local('inverse', 'f32')
  f.set(inverse, 0)
  f.if(op('f32.gt', largest, LEAST_SCALE), () => f.set(inverse, op('f32.div', MOST_MULTIPLE, largest)))
  const scale = f.let('unit', op('f32.mul', largest, 1 / MOST_MULTIPLE))
  f.forRange(lanes, end, 2 * LANES_BYTES, () => {
    for (const member of [0, 1] as const) emitMember(f, member, source, target, lanes, inverse)
    f.store('f32.store', target, PAIR_PARTS.scale, scale)
    f.increase(source, 256)
    f.increase(target, ACTIVATION_PAIR_BYTES)
  })
}

/** Below this all is zero. */
const LEAST_SCALE = 2 ** -100

/** Rounds the first or the second block of a pair, whose scale is kept at its lanes. */
function emitMember(
  f: FunctionBuilder,
  member: 0 | 1,
  source: I32,
  target: I32,
  lanes: Local<'i32'>,
  inverse: Local<'f32'>,
): void {
  const own = f.let('lanesOfBlock', op('i32.add', lanes, LANES_BYTES * member))
  const needed = op('f32.mul', load('f32.load', own), inverse)
  const multiple = f.let('multiple', roundedUp(needed))
  const factor = f.let('factor', op('f32x4.splat', op('f32.div', inverse, op('f32.convert_i32_s', multiple))))
  const vectors = loadBlock(f, op('i32.add', source, 128 * member))
  const sums = storeQuants(f, vectors, factor, target, ACTIVATION_BLOCK * member, own)
  f.store('i32.store16', target, PAIR_PARTS.multiples + 2 * (1 - member), multiple)
  const both = op('i32.mul', op('i32.add', sums[0], sums[1]), multiple)
  f.store('i32.store16', target, PAIR_PARTS.sums + 2 * (1 - member), both)
  for (const half of [0, 1]) {
    const pair = PAIR_PARTS.halfSums + 4 * member
    f.store('i32.store16', target, pair + 2 * (1 - half), op('i32.mul', sums[half], multiple))
    f.store('i32.store', target, PAIR_PARTS.negativeSums + 8 * member + 4 * half, op('i32.sub', 0, sums[half]))
  }
}

/** The next whole number above, at least 1; up to a ten-thousandth too much is let pass. */
function roundedUp(x: F32): I32 {
  const above = op('f32.max', op('f32.add', x, 0.4999), 1)
  const rounded = op('i32x4.sub', roundedSum(op('f32x4.splat', above)), vectorOf(ROUNDER))
  return lane('i32x4.extract_lane', rounded, 0)
}

/**
 * For quants of at most 127 and half sums of at most LARGEST_HALF_SUM. Rounding adds at most a half to each of 16, and a
 * scale may be a ten-thousandth too small.
 */
function neededScale(f: FunctionBuilder, vectors: readonly V128[]): F32 {
  const halfSum = (first: number): F32 => {
    const sizes = [0, 1, 2, 3].map((i): V128 => op('f32x4.abs', vectors[first + i]))
    return sumOfLanes(
      f,
      sizes.reduce((a, b) => op('f32x4.add', a, b)),
    )
  }
  const larger = op('f32.max', halfSum(0), halfSum(4))
  const largest = op('f32.div', largestSize(f, vectors), 127)
  return op('f32.max', largest, op('f32.div', larger, LARGEST_HALF_SUM - 9))
}

function loadBlock(f: FunctionBuilder, source: I32): readonly V128[] {
  return Array.from({ length: 8 }, (_, i) => f.let(`x${i}`, load('v128.load', source, 16 * i)))
}

/**
 * The largest |x|. As integers the bits of numbers without a sign are in the numbers' order, and what is not a number is the
 * largest of all: the maximum of floats would take eight instructions for each of these.
 */
function largestSize(f: FunctionBuilder, vectors: readonly V128[]): F32 {
  const [a, b, c, d, e, g, h, i] = vectors.map((vector): V128 => op('f32x4.abs', vector))
  const max = (left: V128, right: V128): V128 => op('i32x4.max_u', left, right)
  const four = f.let('four', max(max(max(a, b), max(c, d)), max(max(e, g), max(h, i))))
  const two = f.let('two', max(four, shuffle(four, four, [2, 3, 0, 1])))
  return lane('f32x4.extract_lane', max(two, shuffle(two, two, [1, 0, 3, 2])), 0)
}

/** Writes 32 quants as bytes and as i16. Gives the sums of the first and of the last 16. */
function storeQuants(
  f: FunctionBuilder,
  vectors: readonly V128[],
  factor: V128,
  target: I32,
  offset: number,
  lanes: I32,
): readonly [Local<'i32'>, Local<'i32'>] {
  const rounded = vectors.map((vector) => {
    return op('i32x4.sub', roundedSum(op('f32x4.mul', vector, factor)), vectorOf(ROUNDER))
  })
  const quants = [0, 1, 2, 3].map((i) => {
    return f.let(`quants${i}`, op('i16x8.narrow_i32x4_s', rounded[2 * i], rounded[2 * i + 1]))
  })
  quants.forEach((vector, i) => {
    f.store('v128.store', lanes, 16 * i, vector)
  })
  for (const half of [0, 1]) {
    const bytes = f.let('bytes', op('i8x16.narrow_i16x8_s', quants[2 * half], quants[2 * half + 1]))
    f.store('v128.store', target, offset + 16 * half, shuffleBytes(bytes, bytes, IN_BYTE_ORDER))
  }
  const sumOf = (half: number): Local<'i32'> => {
    const eight = op('i16x8.add', quants[2 * half], quants[2 * half + 1])
    const four = op('i32x4.dot_i16x8_s', eight, vectorOfBits(0x0001_0001))
    return f.let('sum', sumOfIntegerLanes(f, four))
  }
  return [sumOf(0), sumOf(1)]
}

/** Of 16 columns: where BYTE_OF_COLUMN has them. It changes places in pairs, and so is its own inverse. */
const IN_BYTE_ORDER = Array.from({ length: 16 }, (_, i) => QUAD * Math.floor(i / QUAD) + BYTE_OF_COLUMN[i % QUAD])

/** The half in the lowest lane times 2^112. Moved into the place of a float it is 2^112 too small. */
function scaleOf(halves: V128): F32 {
  const moved = op('i32x4.shl', halves, 13)
  const scaled = op('f32x4.mul', op('f32x4.mul', moved, vectorOf(HALF_FACTOR)), vectorOf(HALF_FACTOR))
  return lane('f32x4.extract_lane', scaled, 0)
}
