import { op, type V128, vectorOf } from '../emitter/expression.ts'

/** 1.5 * 2^23: in a float of this size the last place counts ones. */
export const ROUNDER = 1.5 * 2 ** 23

/**
 * Numbers plus the rounder, by which they are rounded to integers, ties to even; good for sizes below 2^22. The low bits
 * of the results are the integers in two's complement: less work than a conversion that heeds overflow and NaN.
 */
export function roundedSum(numbers: V128): V128 {
  return op('f32x4.add', numbers, vectorOf(ROUNDER))
}
