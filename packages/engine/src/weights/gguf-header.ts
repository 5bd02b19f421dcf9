import type { MetadataArray } from './checkpoint.ts'
import { ELEMENT_LAYOUTS, type ElementType, rowBytes } from './element-type.ts'
import { ARRAY_ID, BOOLEAN_ID, type GgufField, NUMBER_TYPES, type NumberType, STRING_ID } from './gguf-fields.ts'
import { StringArray } from './string-array.ts'

const VERSION = 3
/** GGUF's own where the metadata say no other; so none has to be said. */
export const ALIGNMENT = 32

const NUMBER_TYPE_NAMES = Object.keys(NUMBER_TYPES) as NumberType[]
const ENCODER = new TextEncoder()

/** What the header says of a tensor. */
export interface TensorHeader {
  readonly name: string
  readonly type: ElementType
  /** Outermost dimension first, as in PyTorch; the file has the reverse. */
  readonly shape: readonly number[]
}

/** @throws RangeError for rows of no whole number of blocks */
export function tensorBytes({ name, type, shape }: TensorHeader): number {
  const columns = shape[shape.length - 1] ?? 1
  if (columns % ELEMENT_LAYOUTS[type].blockLength !== 0) {
    throw new RangeError(`the rows of ${name} have ${columns} elements, which are no whole blocks of ${type}`)
  }
  return shape.slice(0, -1).reduce((product, length) => product * length, rowBytes(type, columns))
}

/**
 * Everything before the data of a GGUF file, padded: metadata, and the tensors in their order. Source: the GGUF
 * specification in ggml's docs/gguf.md, version 3.
 */
export function ggufHeader(fields: ReadonlyMap<string, GgufField>, tensors: readonly TensorHeader[]): Uint8Array {
  const out = new GrowingBytes()
  out.bytes(ENCODER.encode('GGUF'))
  out.uint32(VERSION)
  out.uint64(tensors.length)
  out.uint64(fields.size)
  for (const [key, field] of fields) {
    out.bytesOfString(ENCODER.encode(key))
    writeField(out, field)
  }
  let offset = 0
  for (const tensor of tensors) {
    const { ggmlId } = ELEMENT_LAYOUTS[tensor.type]
    if (ggmlId === undefined) throw new RangeError(`${tensor.name} is of ${tensor.type}, which GGUF does not have`)
    out.bytesOfString(ENCODER.encode(tensor.name))
    out.uint32(tensor.shape.length)
    for (const length of tensor.shape.toReversed()) out.uint64(length)
    out.uint32(ggmlId)
    out.uint64(offset)
    offset = aligned(offset + tensorBytes(tensor))
  }
  out.bytes(new Uint8Array(aligned(out.length) - out.length))
  return out.finish()
}

export function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}

function writeField(out: GrowingBytes, field: GgufField): void {
  if (field.type !== undefined) {
    out.uint32(NUMBER_TYPES[field.type].id)
    out.bytes(bytesOfNumber(field.type, field.value))
    return
  }
  const { value } = field
  if (typeof value === 'boolean') {
    out.uint32(BOOLEAN_ID)
    out.bytes(Uint8Array.of(value ? 1 : 0))
  } else if (typeof value === 'string') {
    out.uint32(STRING_ID)
    out.bytesOfString(ENCODER.encode(value))
  } else {
    out.uint32(ARRAY_ID)
    writeArray(out, value)
  }
}

function bytesOfNumber(type: NumberType, value: number | bigint): Uint8Array {
  switch (type) {
    case 'uint64':
      return bytesOf(BigUint64Array.of(BigInt(value)))
    case 'int64':
      return bytesOf(BigInt64Array.of(BigInt(value)))
    default:
      return bytesOf(NUMBER_TYPES[type].array.of(Number(value)))
  }
}

function writeArray(out: GrowingBytes, array: MetadataArray): void {
  if (array instanceof StringArray) {
    out.uint32(STRING_ID)
    out.uint64(array.length)
    for (let i = 0; i < array.length; i++) out.bytesOfString(array.bytes(i))
  } else if (ArrayBuffer.isView(array)) {
    const name = NUMBER_TYPE_NAMES.find((type) => array instanceof NUMBER_TYPES[type].array)
    if (name === undefined) throw new RangeError('an array of numbers that GGUF does not have')
    out.uint32(NUMBER_TYPES[name].id)
    out.uint64(array.length)
    out.bytes(bytesOf(array))
  } else if (isNested(array)) {
    out.uint32(ARRAY_ID)
    out.uint64(array.length)
    for (const inner of array) writeArray(out, inner)
  } else {
    out.uint32(BOOLEAN_ID)
    out.uint64(array.length)
    out.bytes(Uint8Array.from(array, Number))
  }
}

function isNested(array: boolean[] | MetadataArray[]): array is MetadataArray[] {
  return typeof array[0] === 'object'
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Little-endian values appended to a buffer that doubles when it is full. */
class GrowingBytes {
  length = 0
  #buffer = new Uint8Array(1 << 16)
  #view = new DataView(this.#buffer.buffer)

  bytes(value: Uint8Array): void {
    const start = this.#reserve(value.length)
    this.#buffer.set(value, start)
  }

  uint32(value: number): void {
    const start = this.#reserve(4)
    this.#view.setUint32(start, value, true)
  }

  uint64(value: number): void {
    const start = this.#reserve(8)
    this.#view.setBigUint64(start, BigInt(value), true)
  }

  bytesOfString(encoded: Uint8Array): void {
    this.uint64(encoded.length)
    this.bytes(encoded)
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.length)
  }

  #reserve(count: number): number {
    const start = this.length
    this.length += count
    if (this.length > this.#buffer.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(this.length)))
      larger.set(this.#buffer)
      this.#buffer = larger
      this.#view = new DataView(larger.buffer)
    }
    return start
  }
}
