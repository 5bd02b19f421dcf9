import { op, type V128, vectorOf, vectorOfBits } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { ROUNDER, roundedSum } from './rounding.ts'

/** Below, exp(x) is taken as zero; above, as exp of the limit: the results are normal floats. */
const LOWEST = -87
const HIGHEST = 88

const LOG2_E = Math.LOG2E
/** ln 2 in two parts, of which the first has so few bits that its small multiples are exact. */
const LN2_HIGH = 0.693359375
const LN2_LOW = Math.LN2 - LN2_HIGH

/** Taylor's series of exp, highest power first: with |r| <= ln(2) / 2 the rest is below half a unit in the last place. */
const COEFFICIENTS = [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1]

/** exp of four floats, within 2 units in the last place: exp(n ln 2 + r) = 2^n exp(r). */
export function exponential(f: FunctionBuilder, exponent: V128): Local<'v128'> {
  const x = f.let('exponent', exponent)
  const clamped = op('f32x4.pmax', op('f32x4.pmin', x, vectorOf(HIGHEST)), vectorOf(LOWEST))
  const within = f.let('clamped', clamped)
  const rounded = f.let('rounded', roundedSum(op('f32x4.mul', within, vectorOf(LOG2_E))))
  const n = f.let('n', op('f32x4.sub', rounded, vectorOf(ROUNDER)))
  const most = op('f32x4.sub', within, op('f32x4.mul', n, vectorOf(LN2_HIGH)))
  const r = f.let('r', op('f32x4.sub', most, op('f32x4.mul', n, vectorOf(LN2_LOW))))
  const series = COEFFICIENTS.map(vectorOf).reduce((value, next) => op('f32x4.add', op('f32x4.mul', value, r), next))
  // The bits of the rounder vanish upwards.
  const biased = op('i32x4.add', rounded, vectorOfBits(127))
  const power = op('i32x4.shl', biased, 23)
  const isZero = op('f32x4.lt', x, vectorOf(LOWEST))
  return f.let('exp', op('v128.andnot', op('f32x4.mul', series, power), isZero))
}
