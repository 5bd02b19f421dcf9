import { type F32, type I32, lane, op, shuffle, type V128 } from '../emitter/expression.ts'
import type { FunctionBuilder } from '../emitter/function.ts'

/** The sum of the four floats of a vector, always in the same order. */
export function sumOfLanes(f: FunctionBuilder, vector: V128): F32 {
  const v = f.let('lanes', vector)
  const at = (index: number): F32 => lane('f32x4.extract_lane', v, index)
  return op('f32.add', op('f32.add', at(0), at(1)), op('f32.add', at(2), at(3)))
}

/** The sum of the four integers of a vector. */
export function sumOfIntegerLanes(f: FunctionBuilder, vector: V128): I32 {
  const v = f.let('lanes', vector)
  const at = (index: number): I32 => lane('i32x4.extract_lane', v, index)
  return op('i32.add', op('i32.add', at(0), at(1)), op('i32.add', at(2), at(3)))
}

/** The largest of the four floats of a vector, four times; what is not a number may be passed over. */
export function largestEverywhere(f: FunctionBuilder, vector: V128): V128 {
  const four = f.let('four', vector)
  const two = f.let('two', op('f32x4.pmax', four, shuffle(four, four, [2, 3, 0, 1])))
  return op('f32x4.pmax', two, shuffle(two, two, [1, 0, 3, 2]))
}
