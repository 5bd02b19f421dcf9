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
import { type BlockLayout, BYTE_OF_COLUMN, CHUNK_BYTES, type Plane, QUAD } from '../layout/block-layout.ts'

/**
 * Emits what unpacks codes (see layout/block-layout.ts). The values of many types are code - offset; those of the others
 * are looked up in a codebook of at most 16.
 */
export class Codes {
  readonly #planes: readonly Plane[]
  readonly #codebook: Local<'v128'> | undefined
  /** To be taken off the values that are unpacked. */
  readonly offset: number

  /** @param unsigned values of a codebook, too, are to be numbers from 0 to 255 and an offset */
  constructor(f: FunctionBuilder, { format: { values }, planes }: BlockLayout, unsigned = false) {
    this.#planes = planes
    if (isEven(values)) {
      this.offset = -values[0]
    } else {
      this.offset = unsigned ? 128 : 0
      this.#codebook = f.let('codebook', vectorOfBytes(values.map((value) => value + this.offset)))
    }
  }

  /** Whether 16-bit lanes are best taken from a chunk as it is, without a detour over bytes. */
  get isPlain(): boolean {
    return this.#planes.length === 1 && !this.#codebook
  }

  /**
   * The values, offset included, of the quads of 4 rows, as bytes.
   * @param bytes a chunk's, of the first plane
   * @param extra of the second plane, shifted such that the chunk's first quad has its lowest bits
   * @param quad its number in the chunk
   */
  quads(bytes: V128, extra: V128 | undefined, quad: number): V128 {
    const [base, second] = this.#planes
    let codes = base.bits === 8 ? bytes : maskBytes(shift(bytes, -base.bits * quad), base.bits, 0)
    if (extra && second) {
      const moved = shift(extra, second.shift - second.bits * quad)
      codes = op('v128.or', codes, maskBytes(moved, second.bits, second.shift))
    }
    return this.#codebook ? op('i8x16.swizzle', this.#codebook, codes) : codes
  }

  /**
   * The first or the other two columns of each row's quad: the low or the high bytes of 16-bit lanes.
   * @param quads of one quad, or the bytes of a chunk where the codes are plain
   * @param quad its number in the chunk
   */
  pairs(quads: V128, quad: number, other: boolean): V128 {
    if (this.#codebook) return op('i16x8.shr_s', other ? quads : op('i16x8.shl', quads, 8), 8)
    const [{ bits }] = this.#planes
    const [from, width] = this.isPlain ? [bits * quad, bits] : [0, 8]
    const moved = shift(quads, -(other ? from + 8 : from))
    return other && from + width === 8 ? moved : op('v128.and', moved, vectorOfBits((2 ** width - 1) * 0x0001_0001))
  }

  /** The value of one column of a block; `row` is the address of the row's first byte in it. */
  value(row: I32, column: number): F32 {
    const codes = this.#planes.map(({ bits, quads, shift: place, offset }) => {
      const quad = Math.floor(column / QUAD)
      const byte = offset + Math.floor(quad / quads) * CHUNK_BYTES + BYTE_OF_COLUMN[column % QUAD]
      const shifted = op('i32.shr_u', load('i32.load8_u', row, byte), (quad % quads) * bits)
      return op('i32.shl', op('i32.and', shifted, 2 ** bits - 1), place)
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
