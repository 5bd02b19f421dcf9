import { op, type V128, vectorOf } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { ROUNDER } from './rounding.ts'

/** Below, 2^y is taken as zero: the results are normal floats. */
const LOWEST = -126

/** A rounder whose lowest bits are the exponent's bias. */
const BIASED_ROUNDER = ROUNDER + 127

/** 2^r for |r| <= 1/2 within 2^-25 of it, highest power first: a minimax polynomial through 1 at 0. */
const COEFFICIENTS = [0.00015353346, 0.0013398874, 0.009618437, 0.055503324, 0.24022648, Math.LN2, 1]

/**
 * The constants of `powerOfTwo` in locals: V8 makes constants anew in each round of all loops but the innermost, which
 * costs as much as a power.
 */
export function constantsOfPower(f: FunctionBuilder) {
  return {
    lowest: f.let('lowest', vectorOf(LOWEST)),
    rounder: f.let('rounder', vectorOf(BIASED_ROUNDER)),
    coefficients: COEFFICIENTS.map((value, i) => f.let(`coefficient${i}`, vectorOf(value))),
  }
}

/**
 * 2^y of four floats up to 0, within 2 units in the last place: 2^(n + r) = 2^n 2^r.
 * @param multiplyAdd a b + c
 */
export function powerOfTwo(
  f: FunctionBuilder,
  exponent: V128,
  { lowest, rounder, coefficients: [first, ...coefficients] }: ReturnType<typeof constantsOfPower>,
  multiplyAdd: (a: V128, b: V128, c: V128) => V128,
): Local<'v128'> {
  const y = f.let('y', exponent)
  const within = f.let('within', op('f32x4.pmax', y, lowest))
  const rounded = f.let('rounded', op('f32x4.add', within, rounder))
  const r = f.let('r', op('f32x4.sub', within, op('f32x4.sub', rounded, rounder)))
  const series = coefficients.reduce<V128>((value, next) => multiplyAdd(value, r, next), first)
  const power = op('f32x4.mul', series, op('i32x4.shl', rounded, 23))
  return f.let('power', op('v128.andnot', power, op('f32x4.lt', y, lowest)))
}
