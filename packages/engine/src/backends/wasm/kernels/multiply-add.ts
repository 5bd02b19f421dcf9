import { op, type V128 } from '../emitter/expression.ts'
import type { Operands } from './operands.ts'

/** Whether a machine on which these are the best operands has relaxed SIMD, and so may multiply and add at once. */
export function isFused(operands: Operands): boolean {
  return operands !== 'lanes'
}

/** a b + c, rounded once where it is fused and the machine does so. */
export function multiplyAdd(a: V128, b: V128, c: V128, fused: boolean): V128 {
  return fused ? op('f32x4.relaxed_madd', a, b, c) : op('f32x4.add', c, op('f32x4.mul', a, b))
}
