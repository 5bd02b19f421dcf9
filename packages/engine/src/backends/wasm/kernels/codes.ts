import {
  type F32,
  type I32,
  lane,
  load,
  op,
  sum,
  type V128,
  vectorOfBits,
  vectorOfBytes,
} from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { type BlockLayout, BYTE_OF_COLUMN, CHUNK_BYTES, type Field, QUAD } from '../layout/block-layout.ts'
import type { Operands } from './operands.ts'

/**
 * Emits what unpacks codes (see layout/block-layout.ts). The values of many types are code - offset; those of the others
 * are looked up in a codebook of at most 16.
 */
export class Codes {
  readonly #quads: BlockLayout['quads']
  readonly #codebook: Local<'v128'> | undefined
  /** To be taken off the values that are unpacked. */
  readonly offset: number

  /** Whether the machine has relaxed SIMD, whose look-up does not heed indices that are too large. */
  readonly #relaxed: boolean

  /** @param operands of bytes: values of a codebook, too, are to be numbers from 0 to 255 and an offset */
  constructor(f: FunctionBuilder, { format: { values }, quads }: BlockLayout, operands: Operands = 'lanes') {
    const unsigned = operands === 'bytes'
    this.#quads = quads
    this.#relaxed = unsigned
    if (isEven(values)) {
      this.offset = -values[0]
    } else {
      this.offset = unsigned ? 128 : 0
      this.#codebook = f.let('codebook', vectorOfBytes(values.map((value) => value + this.offset)))
    }
  }

  /** What a chunk's bytes hold of the codes of a quad. */
  part(bytes: V128, { from, bits, to }: Field): V128 {
    return bits === 8 ? bytes : maskBytes(shift(bytes, to - from), bits, to)
  }

  /** The values, offset included, of codes as bytes. */
  values(codes: V128): V128 {
    if (!this.#codebook) return codes
    return op(this.#relaxed ? 'i8x16.relaxed_swizzle' : 'i8x16.swizzle', this.#codebook, codes)
  }

  /** Whether 16-bit lanes of a quad are best taken from its chunk as it is, without a detour over bytes. */
  isPlain(quad: number): boolean {
    return this.#quads[quad].length === 1 && !this.#codebook
  }

  /** Of a plain quad, from its chunk: the first or the other two columns of each row. */
  pairsInChunk(bytes: V128, { from, bits }: Field, other: boolean): V128 {
    return lowBits(bytes, from, bits, other)
  }

  /** Of values as bytes: the first or the other two columns of each row's quad, the low or the high bytes of 16-bit lanes. */
  pairs(values: V128, other: boolean): V128 {
    if (!this.#codebook) return lowBits(values, 0, 8, other)
    return op('i16x8.shr_s', other ? values : op('i16x8.shl', values, 8), 8)
  }

  /** The value of one column of a block; `row` is the address of the row's first byte in it. */
  value(row: I32, column: number): F32 {
    const fields = this.#quads[Math.floor(column / QUAD)]
    const codes = fields.map(({ chunk, from, bits, to }) => {
      const byte = load('i32.load8_u', row, chunk * CHUNK_BYTES + BYTE_OF_COLUMN[column % QUAD])
      return op('i32.shl', op('i32.and', op('i32.shr_u', byte, from), 2 ** bits - 1), to)
    })
    const [first, ...others] = codes
    const code = sum(first, ...others)
    if (!this.#codebook) return op('f32.convert_i32_s', op('i32.sub', code, this.offset))
    const found = op('i8x16.swizzle', this.#codebook, op('i8x16.splat', code))
    return op('f32.convert_i32_s', lane('i8x16.extract_lane_s', found, 0))
  }
}

/** Whether values are codes less an offset. */
export function isEven(values: Int8Array): boolean {
  return values.every((value, code) => value === values[0] + code)
}

/** 16-bit lanes shifted to the left, or to the right where `by` is negative. */
function shift(lanes: V128, by: number): V128 {
  if (by === 0) return lanes
  return by > 0 ? op('i16x8.shl', lanes, by) : op('i16x8.shr_u', lanes, -by)
}

/** Of every byte the `bits` from bit `from` on. */
function maskBytes(bytes: V128, bits: number, from: number): V128 {
  return op('v128.and', bytes, vectorOfBits(((2 ** bits - 1) << from) * 0x0101_0101))
}

/** The `bits` of 16-bit lanes from bit `from` of their low bytes on, or of their high ones. */
function lowBits(lanes: V128, from: number, bits: number, high: boolean): V128 {
  const moved = shift(lanes, -(high ? from + 8 : from))
  return high && from + bits === 8 ? moved : op('v128.and', moved, vectorOfBits((2 ** bits - 1) * 0x0001_0001))
}
