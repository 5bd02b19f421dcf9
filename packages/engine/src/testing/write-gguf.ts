/** GGUF's type ids of metadata values. */
export const GGUF = {
  U8: 0,
  I8: 1,
  U16: 2,
  I16: 3,
  U32: 4,
  I32: 5,
  F32: 6,
  BOOL: 7,
  STRING: 8,
  ARRAY: 9,
  U64: 10,
  I64: 11,
  F64: 12,
} as const

export interface GgufField {
  readonly key: string
  /** The id of the value's type, or of its elements' when it is an array. */
  readonly type: number
  readonly value: GgufItem | readonly GgufItem[]
}

type GgufItem = number | bigint | boolean | string

export interface GgufTensor {
  readonly name: string
  /** Fastest dimension first, as in the file. */
  readonly dimensions: readonly (number | bigint)[]
  readonly ggmlType: number
  readonly data: Uint8Array
  /** Where the header says that the data begins; by default where it does. */
  readonly offset?: number | bigint
}

export interface GgufParts {
  readonly version?: number
  readonly alignment?: number
  readonly fields?: readonly GgufField[]
  readonly tensors?: readonly GgufTensor[]
}

/** Writes a GGUF file for tests; it writes nonsense when told to. */
export function writeGguf({ version = 3, alignment = 32, fields = [], tensors = [] }: GgufParts): Uint8Array {
  const out = new ByteWriter()
  out.bytes(new TextEncoder().encode('GGUF'))
  out.u32(version)
  out.u64(tensors.length)
  out.u64(fields.length)
  for (const { key, type, value } of fields) {
    out.string(key)
    if (!Array.isArray(value)) out.u32(type)
    else {
      out.u32(GGUF.ARRAY)
      out.u32(type)
      out.u64(value.length)
    }
    for (const item of Array.isArray(value) ? value : [value]) out.item(type, item)
  }
  let end = 0
  for (const { name, dimensions, ggmlType, data, offset } of tensors) {
    out.string(name)
    out.u32(dimensions.length)
    for (const length of dimensions) out.u64(length)
    out.u32(ggmlType)
    out.u64(offset ?? end)
    end = Math.ceil((end + data.length) / alignment) * alignment
  }
  for (const { data } of tensors) {
    out.pad(alignment)
    out.bytes(data)
  }
  return out.finish()
}

class ByteWriter {
  #buffer = new Uint8Array(1024)
  #view = new DataView(this.#buffer.buffer)
  #size = 0

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length)
    this.#buffer.set(bytes, at)
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u64(bytes.length)
    this.bytes(bytes)
  }

  u32(value: number): void {
    const at = this.#grow(4)
    this.#view.setUint32(at, value, true)
  }

  u64(value: number | bigint): void {
    const at = this.#grow(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }

  item(type: number, item: GgufItem): void {
    if (type === GGUF.STRING) this.string(String(item))
    else if (type === GGUF.U8 || type === GGUF.I8 || type === GGUF.BOOL) this.bytes(Uint8Array.of(Number(item)))
    else if (type === GGUF.U16 || type === GGUF.I16) this.bytes(bytesOf(Uint16Array.of(Number(item))))
    else if (type === GGUF.F32) this.bytes(bytesOf(Float32Array.of(Number(item))))
    else if (type === GGUF.F64) this.bytes(bytesOf(Float64Array.of(Number(item))))
    else if (type === GGUF.U64 || type === GGUF.I64) this.u64(BigInt(item))
    else this.u32(Number(item))
  }

  pad(alignment: number): void {
    this.#grow(Math.ceil(this.#size / alignment) * alignment - this.#size)
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#size)
  }

  /** Makes room for `count` zero bytes, and returns where they begin. */
  #grow(count: number): number {
    const start = this.#size
    this.#size += count
    if (this.#size > this.#buffer.length) {
      const larger = new Uint8Array(2 * this.#size)
      larger.set(this.#buffer)
      this.#buffer = larger
      this.#view = new DataView(larger.buffer)
    }
    return start
  }
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
