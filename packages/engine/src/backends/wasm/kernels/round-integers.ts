import { PAGE_LENGTH } from '../../backend.ts'
import { type F32, type I32, lane, load, op, sum, type V128, vectorOf, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { type IntegerCacheType, KEY_BLOCK } from '../layout/key-value-pages.ts'
import { largestEverywhere, sumOfLanes } from './reduce.ts'
import { ROUNDER, roundedSum } from './rounding.ts'

/** The largest integer that a cache of a type holds. */
export const LARGEST_STORED: Readonly<Record<IntegerCacheType, number>> = { i16: 2 ** 14 - 1, q8_0: 2 ** 7 - 1 }

/** What is so small becomes zero: scales and their inverses stay ordinary numbers. */
const SMALLEST_SCALE = 2 ** -100

const LARGEST_OPERAND = 2 ** 15 - 1

/**
 * What the sizes of integers may add up to that are multiplied with stored ones, for sums of products to stay below 2^31.
 * Up to 64 numbers may each be rounded up by a half.
 */
function largestSum(type: IntegerCacheType): number {
  return Math.floor(2 ** 31 / LARGEST_STORED[type]) - PAGE_LENGTH
}

/**
 * Emits `round_query_TYPE`: so many floats, a multiple of 16, as i16, and behind these a scale for each 32: the least with
 * which neither a number leaves 16 bits nor the sum of their sizes what products have room for. Few large numbers
 * among small ones so keep more bits than many of one size. Where a number is not finite, the scale is NaN.
 */
export function roundQueryFunction(type: IntegerCacheType): FunctionBuilder {
  const f = new FunctionBuilder(`round_query_${type}`)
  const { source, target, count } = f.parameterList('source', 'target', 'count')
  const scales = f.let('scales', sum(target, op('i32.mul', count, 2)))
  const end = f.let('end', sum(source, op('i32.mul', count, 4)))
  const address = f.local('address', 'i32')
  const endOfBlock = f.local('endOfBlock', 'i32')
  const sizes = declareSizes(f)
  f.doWhile(
    () => {
      f.set(endOfBlock, sum(source, 4 * KEY_BLOCK))
      f.if(op('i32.gt_u', endOfBlock, end), () => f.set(endOfBlock, end))
      emptySizes(f, sizes)
      f.set(address, source)
      f.forRange(address, endOfBlock, 16, () => include(f, sizes, load('v128.load', address)))
      const scale = f.let('scale', operandScale(f, sizes, type))
      f.store('f32.store', scales, 0, scale)
      f.increase(scales, 4)
      emitRounding(f, source, endOfBlock, target, scale)
    },
    op('i32.lt_u', source, end),
  )
  return f
}

/** The scale with which the largest of four sizes becomes the largest integer of a cache; NaN if one is not finite. */
export function storedScale(f: FunctionBuilder, sizes: V128, type: IntegerCacheType): F32 {
  const all = f.let('allSizes', sumOfLanes(f, sizes))
  const ofLargest = op('f32x4.mul', largestEverywhere(f, sizes), vectorOf(1 / LARGEST_STORED[type]))
  const scale = op('f32x4.pmax', ofLargest, vectorOf(SMALLEST_SCALE))
  return finiteOrNaN(lane('f32x4.extract_lane', scale, 0), all)
}

/** Four floats as integers in units of the inverse of `factor`. */
export function roundedBy(factor: F32, floats: V128): V128 {
  return op('i32x4.sub', roundedSum(op('f32x4.mul', floats, op('f32x4.splat', factor))), vectorOf(ROUNDER))
}

/** The sum and the largest of the sizes of numbers, each in four parts. What is not a number is in the sum. */
export function declareSizes(f: FunctionBuilder) {
  return { total: f.local('totalSize', 'v128'), largest: f.local('largestSize', 'v128') }
}

type Sizes = ReturnType<typeof declareSizes>

export function emptySizes(f: FunctionBuilder, { total, largest }: Sizes): void {
  f.set(total, zeroVector())
  f.set(largest, zeroVector())
}

export function include(f: FunctionBuilder, { total, largest }: Sizes, four: V128): void {
  const size = f.let('sizes', op('f32x4.abs', four))
  f.set(total, op('f32x4.add', total, size))
  f.set(largest, op('f32x4.pmax', largest, size))
}

export function operandScale(f: FunctionBuilder, { total, largest }: Sizes, type: IntegerCacheType): F32 {
  const all = f.let('all', sumOfLanes(f, total))
  const forLargest = op('f32x4.mul', largestEverywhere(f, largest), vectorOf(1 / LARGEST_OPERAND))
  const forSum = op('f32x4.mul', op('f32x4.splat', all), vectorOf(1 / largestSum(type)))
  const scale = op('f32x4.pmax', op('f32x4.pmax', forLargest, forSum), vectorOf(SMALLEST_SCALE))
  return finiteOrNaN(lane('f32x4.extract_lane', scale, 0), all)
}

/** NaN where the witness, a sum, is not finite. */
const finiteOrNaN = (value: F32, witness: F32): F32 => op('f32.add', value, op('f32.sub', witness, witness))

/** Rounds floats from `source` to `end`, a multiple of 8, to i16 at `target`; both are left behind the last. */
export function emitRounding(
  f: FunctionBuilder,
  source: Local<'i32'>,
  end: I32,
  target: Local<'i32'>,
  scale: F32,
): void {
  const factor = f.let('factor', op('f32.div', 1, scale))
  f.forRange(source, end, 32, () => {
    const eight = [0, 16].map((offset) => roundedBy(factor, load('v128.load', source, offset)))
    f.store('v128.store', target, 0, op('i16x8.narrow_i32x4_s', eight[0], eight[1]))
    f.increase(target, 16)
  })
}
