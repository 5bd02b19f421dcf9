/** Types of WebAssembly values that kernels use. */
export type ValueType = 'i32' | 'f32' | 'v128'

/** Plain and SIMD instructions carry different opcodes; SIMD ones follow the byte 0xfd. */
const SIMD = 0xfd_0000

interface Signature {
  readonly opcode: number
  readonly operands: readonly ValueType[]
  readonly result: ValueType
}

const unary = <O extends ValueType, R extends ValueType>(opcode: number, operand: O, result: R) =>
  ({ opcode, operands: [operand], result }) as const
const binary = <O extends ValueType, R extends ValueType>(opcode: number, operand: O, result: R) =>
  ({ opcode, operands: [operand, operand], result }) as const
const vectorUnary = (code: number) => unary(SIMD + code, 'v128', 'v128')
const vectorBinary = (code: number) => binary(SIMD + code, 'v128', 'v128')
const vectorShift = (code: number) =>
  ({ opcode: SIMD + code, operands: ['v128', 'i32'], result: 'v128' }) as const satisfies Signature

/** Instructions from operands to a result, without immediates. Names and codes: the WebAssembly specification. */
export const INSTRUCTIONS = {
  'i32.eqz': unary(0x45, 'i32', 'i32'),
  'i32.eq': binary(0x46, 'i32', 'i32'),
  'i32.ne': binary(0x47, 'i32', 'i32'),
  'i32.lt_s': binary(0x48, 'i32', 'i32'),
  'i32.lt_u': binary(0x49, 'i32', 'i32'),
  'i32.gt_s': binary(0x4a, 'i32', 'i32'),
  'i32.gt_u': binary(0x4b, 'i32', 'i32'),
  'i32.le_u': binary(0x4d, 'i32', 'i32'),
  'i32.ge_s': binary(0x4e, 'i32', 'i32'),
  'i32.ge_u': binary(0x4f, 'i32', 'i32'),
  'i32.add': binary(0x6a, 'i32', 'i32'),
  'i32.sub': binary(0x6b, 'i32', 'i32'),
  'i32.mul': binary(0x6c, 'i32', 'i32'),
  'i32.div_u': binary(0x6e, 'i32', 'i32'),
  'i32.rem_u': binary(0x70, 'i32', 'i32'),
  'i32.and': binary(0x71, 'i32', 'i32'),
  'i32.or': binary(0x72, 'i32', 'i32'),
  'i32.xor': binary(0x73, 'i32', 'i32'),
  'i32.shl': binary(0x74, 'i32', 'i32'),
  'i32.shr_s': binary(0x75, 'i32', 'i32'),
  'i32.shr_u': binary(0x76, 'i32', 'i32'),
  'f32.lt': binary(0x5d, 'f32', 'i32'),
  'f32.gt': binary(0x5e, 'f32', 'i32'),
  'f32.neg': unary(0x8c, 'f32', 'f32'),
  'f32.sqrt': unary(0x91, 'f32', 'f32'),
  'f32.add': binary(0x92, 'f32', 'f32'),
  'f32.sub': binary(0x93, 'f32', 'f32'),
  'f32.mul': binary(0x94, 'f32', 'f32'),
  'f32.div': binary(0x95, 'f32', 'f32'),
  'f32.max': binary(0x97, 'f32', 'f32'),
  'f32.convert_i32_s': unary(0xb2, 'i32', 'f32'),
  'f32.convert_i32_u': unary(0xb3, 'i32', 'f32'),
  'f32.reinterpret_i32': unary(0xbe, 'i32', 'f32'),
  'i8x16.swizzle': vectorBinary(0x0e),
  'i8x16.narrow_i16x8_s': vectorBinary(0x65),
  'i8x16.splat': unary(SIMD + 0x0f, 'i32', 'v128'),
  'i16x8.splat': unary(SIMD + 0x10, 'i32', 'v128'),
  'i32x4.splat': unary(SIMD + 0x11, 'i32', 'v128'),
  'f32x4.splat': unary(SIMD + 0x13, 'f32', 'v128'),
  'i32x4.gt_u': vectorBinary(0x3c),
  'f32x4.lt': vectorBinary(0x43),
  'f32x4.gt': vectorBinary(0x44),
  'v128.and': vectorBinary(0x4e),
  'v128.andnot': vectorBinary(0x4f),
  'v128.or': vectorBinary(0x50),
  'v128.xor': vectorBinary(0x51),
  'v128.bitselect': { opcode: SIMD + 0x52, operands: ['v128', 'v128', 'v128'], result: 'v128' },
  'i16x8.narrow_i32x4_s': vectorBinary(0x85),
  'i16x8.narrow_i32x4_u': vectorBinary(0x86),
  'i16x8.shl': vectorShift(0x8b),
  'i16x8.shr_s': vectorShift(0x8c),
  'i16x8.shr_u': vectorShift(0x8d),
  'i16x8.add': vectorBinary(0x8e),
  'i16x8.sub': vectorBinary(0x91),
  'i16x8.mul': vectorBinary(0x95),
  'i32x4.extend_low_i16x8_s': vectorUnary(0xa7),
  'i32x4.extend_high_i16x8_s': vectorUnary(0xa8),
  'i32x4.shl': vectorShift(0xab),
  'i32x4.shr_s': vectorShift(0xac),
  'i32x4.shr_u': vectorShift(0xad),
  'i32x4.add': vectorBinary(0xae),
  'i32x4.sub': vectorBinary(0xb1),
  'i32x4.mul': vectorBinary(0xb5),
  'i32x4.max_u': vectorBinary(0xb9),
  'i32x4.dot_i16x8_s': vectorBinary(0xba),
  'f32x4.abs': vectorUnary(0xe0),
  'f32x4.neg': vectorUnary(0xe1),
  'f32x4.add': vectorBinary(0xe4),
  'f32x4.sub': vectorBinary(0xe5),
  'f32x4.mul': vectorBinary(0xe6),
  'f32x4.div': vectorBinary(0xe7),
  'f32x4.max': vectorBinary(0xe9),
  'f32x4.pmin': vectorBinary(0xea),
  'f32x4.pmax': vectorBinary(0xeb),
  'f32x4.convert_i32x4_s': vectorUnary(0xfa),
  /** Relaxed: for indices from 16 to 127 zero or, as some machines do it, the byte of the lower 4 bits. */
  'i8x16.relaxed_swizzle': vectorBinary(0x100),
  /** Relaxed: a b + c, rounded once or twice as the machine likes. */
  'f32x4.relaxed_madd': { opcode: SIMD + 0x105, operands: ['v128', 'v128', 'v128'], result: 'v128' },
  /** Relaxed: the second operand has 7 bits wherever all machines agree. */
  'i16x8.relaxed_dot_i8x16_i7x16_s': vectorBinary(0x112),
  'i32x4.relaxed_dot_i8x16_i7x16_add_s': {
    opcode: SIMD + 0x113,
    operands: ['v128', 'v128', 'v128'],
    result: 'v128',
  },
} as const satisfies Record<string, Signature>

/** From an address to a value. */
export const LOADS = {
  'i32.load': { opcode: 0x28, result: 'i32' },
  'f32.load': { opcode: 0x2a, result: 'f32' },
  'i32.load8_s': { opcode: 0x2c, result: 'i32' },
  'i32.load8_u': { opcode: 0x2d, result: 'i32' },
  'i32.load16_s': { opcode: 0x2e, result: 'i32' },
  'i32.load16_u': { opcode: 0x2f, result: 'i32' },
  'v128.load': { opcode: SIMD + 0x00, result: 'v128' },
  'v128.load8x8_s': { opcode: SIMD + 0x01, result: 'v128' },
  'v128.load8x8_u': { opcode: SIMD + 0x02, result: 'v128' },
  'v128.load16x4_s': { opcode: SIMD + 0x03, result: 'v128' },
  'v128.load16x4_u': { opcode: SIMD + 0x04, result: 'v128' },
  'v128.load16_splat': { opcode: SIMD + 0x08, result: 'v128' },
  'v128.load32_splat': { opcode: SIMD + 0x09, result: 'v128' },
  'v128.load64_zero': { opcode: SIMD + 0x5d, result: 'v128' },
} as const satisfies Record<string, { opcode: number; result: ValueType }>

/** A value to an address. */
export const STORES = {
  'i32.store': { opcode: 0x36, value: 'i32' },
  'f32.store': { opcode: 0x38, value: 'f32' },
  'i32.store8': { opcode: 0x3a, value: 'i32' },
  'i32.store16': { opcode: 0x3b, value: 'i32' },
  'v128.store': { opcode: SIMD + 0x0b, value: 'v128' },
} as const satisfies Record<string, { opcode: number; value: ValueType }>

/** One lane of a vector as a number. */
export const LANES = {
  'i8x16.extract_lane_s': { opcode: SIMD + 0x15, result: 'i32' },
  'i32x4.extract_lane': { opcode: SIMD + 0x1b, result: 'i32' },
  'f32x4.extract_lane': { opcode: SIMD + 0x1f, result: 'f32' },
} as const satisfies Record<string, { opcode: number; result: ValueType }>

export const SHUFFLE_OPCODE = SIMD + 0x0d
export const VECTOR_CONSTANT_OPCODE = SIMD + 0x0c
