import { INSTRUCTIONS, LANES, LOADS, SHUFFLE_OPCODE, type ValueType, VECTOR_CONSTANT_OPCODE } from './instructions.ts'

/** A value that emitted code computes. Used twice it is computed twice: keep it in a local instead. */
export interface Expression<T extends ValueType = ValueType> {
  readonly type: T
  /** As in the WebAssembly text format. */
  readonly name: string
  readonly opcode: number
  readonly operands: readonly Expression[]
  readonly immediates: Immediates
}

export type Immediates =
  | { readonly kind: 'none' }
  | { readonly kind: 'local'; readonly index: number }
  | { readonly kind: 'i32'; readonly value: number }
  | { readonly kind: 'f32'; readonly value: number }
  | { readonly kind: 'bytes'; readonly bytes: readonly number[] }
  | { readonly kind: 'memory'; readonly offset: number }

export type I32 = Expression<'i32'>
export type F32 = Expression<'f32'>
export type V128 = Expression<'v128'>

/** Numbers stand for constants wherever a number type is expected. */
export type Operand<T extends ValueType> = T extends 'v128' ? Expression<T> : Expression<T> | number

type InstructionName = keyof typeof INSTRUCTIONS
type Result<N extends InstructionName> = (typeof INSTRUCTIONS)[N]['result']
type Operands<T extends readonly ValueType[]> = { [I in keyof T]: Operand<T[I]> }

const NONE: Immediates = { kind: 'none' }

/** Applies an instruction of the table: `op('i32x4.add', a, b)`. */
export function op<N extends InstructionName>(
  name: N,
  ...operands: Operands<(typeof INSTRUCTIONS)[N]['operands']>
): Expression<Result<N>> {
  const { opcode, operands: types, result } = INSTRUCTIONS[name]
  const given: readonly (Expression | number)[] = operands
  return {
    type: result,
    name,
    opcode,
    operands: given.map((operand, i) => expressionOf(operand, types[i] ?? 'v128')),
    immediates: NONE,
  }
}

export function i32(value: number): I32 {
  return { type: 'i32', name: 'i32.const', opcode: 0x41, operands: [], immediates: { kind: 'i32', value } }
}

export function f32(value: number): F32 {
  return { type: 'f32', name: 'f32.const', opcode: 0x43, operands: [], immediates: { kind: 'f32', value } }
}

/**
 * Four times the same 32 bits. Written as a splat, because V8 computes a splat once before a loop, but builds a vector
 * constant anew in every round.
 */
export function vectorOfBits(bits: number): V128 {
  return op('i32x4.splat', bits | 0)
}

/** Four times the same float, computed once as in `vectorOfBits`. */
export function vectorOf(value: number): V128 {
  return op('f32x4.splat', value)
}

/** All bits zero. */
export function zeroVector(): V128 {
  return vectorOfBytes([])
}

/** At most 16 bytes, signed or not, and zeros. Keep it in a local outside of loops, see `vectorOfBits`. */
export function vectorOfBytes(bytes: ArrayLike<number>): V128 {
  return {
    type: 'v128',
    name: 'v128.const',
    opcode: VECTOR_CONSTANT_OPCODE,
    operands: [],
    immediates: { kind: 'bytes', bytes: Array.from({ length: 16 }, (_, i) => (bytes[i] ?? 0) & 0xff) },
  }
}

/** Reads memory at `address + offset`. */
export function load<N extends keyof typeof LOADS>(
  name: N,
  address: I32,
  offset = 0,
): Expression<(typeof LOADS)[N]['result']> {
  const { opcode, result } = LOADS[name]
  return { type: result, name, opcode, operands: [address], immediates: { kind: 'memory', offset } }
}

export function lane<N extends keyof typeof LANES>(
  name: N,
  vector: V128,
  index: number,
): Expression<(typeof LANES)[N]['result']> {
  const { opcode, result } = LANES[name]
  return { type: result, name, opcode, operands: [vector], immediates: { kind: 'bytes', bytes: [index] } }
}

/** Four 32-bit lanes chosen from the eight of `left` and `right`. */
export function shuffle(left: V128, right: V128, lanes: readonly [number, number, number, number]): V128 {
  return shuffleBytes(
    left,
    right,
    lanes.flatMap((index) => [4 * index, 4 * index + 1, 4 * index + 2, 4 * index + 3]),
  )
}

/** Sixteen bytes chosen from the 32 of `left` and `right`. */
export function shuffleBytes(left: V128, right: V128, bytes: readonly number[]): V128 {
  return {
    type: 'v128',
    name: 'i8x16.shuffle',
    opcode: SHUFFLE_OPCODE,
    operands: [left, right],
    immediates: { kind: 'bytes', bytes },
  }
}

/** a + b + c + ... for addresses. */
export function sum(first: I32, ...others: readonly Operand<'i32'>[]): I32 {
  return others.reduce<I32>((total, other) => op('i32.add', total, other), first)
}

export function expressionOf(operand: Expression | number, type: ValueType): Expression {
  if (typeof operand !== 'number') return operand
  return type === 'f32' ? f32(operand) : i32(operand)
}
