import { type FileHandle, open } from 'node:fs/promises'

/** The storage types this writer knows: the id in the file, and how many bytes hold how many weights. */
export const STORAGE = {
  F32: { ggmlId: 0, blockLength: 1, blockBytes: 4 },
  F16: { ggmlId: 1, blockLength: 1, blockBytes: 2 },
  Q4_0: { ggmlId: 2, blockLength: 32, blockBytes: 18 },
  Q8_0: { ggmlId: 8, blockLength: 32, blockBytes: 34 },
  BF16: { ggmlId: 30, blockLength: 1, blockBytes: 2 },
} as const

export type StorageType = keyof typeof STORAGE

/** A metadata value; GGUF stores the type beside each one, so it has to be said. */
export type Metadata =
  | { readonly kind: 'uint32'; readonly value: number }
  | { readonly kind: 'float32'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'int32s'; readonly value: readonly number[] }

export interface TensorToWrite {
  readonly name: string
  readonly type: StorageType
  /** Outermost dimension first, as in PyTorch; the file stores the reverse. */
  readonly shape: readonly number[]
  /** Writes the next `bytes.length` bytes of the tensor, always whole blocks, called from the first to the last. */
  readonly fill: (bytes: Uint8Array) => void
}

const VERSION = 3
const ALIGNMENT = 32
/** Tensor data passes through one buffer of this size; a multiple of every block's bytes is cut from it. */
const STAGING_BYTES = 4 << 20

const VALUE_IDS = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const

export function tensorBytes({ type, shape }: Pick<TensorToWrite, 'type' | 'shape'>): number {
  const { blockLength, blockBytes } = STORAGE[type]
  const columns = shape[shape.length - 1] ?? 1
  if (columns % blockLength !== 0)
    throw new Error(`${type} needs rows of a multiple of ${blockLength}, not ${columns}.`)
  return (shape.reduce((product, size) => product * size, 1) / blockLength) * blockBytes
}

/** Writes a GGUF v3 file, its tensors in the order given, holding no more than the header and one buffer in memory. */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, Metadata>,
  tensors: readonly TensorToWrite[],
): Promise<number> {
  const header = encodeHeader(metadata, tensors)
  const file = await open(path, 'w')
  try {
    await file.write(header)
    let written = header.length
    for (const tensor of tensors) {
      written += await writeTensor(file, tensor)
      const padding = align(written) - written
      await file.write(new Uint8Array(padding))
      written += padding
    }
    return written
  } finally {
    await file.close()
  }
}

async function writeTensor(file: FileHandle, tensor: TensorToWrite): Promise<number> {
  const total = tensorBytes(tensor)
  const { blockBytes } = STORAGE[tensor.type]
  const staging = new Uint8Array(Math.min(total, STAGING_BYTES - (STAGING_BYTES % blockBytes)))
  for (let done = 0; done < total; done += staging.length) {
    const part = staging.subarray(0, Math.min(staging.length, total - done))
    tensor.fill(part)
    await file.write(part)
  }
  return total
}

function encodeHeader(metadata: ReadonlyMap<string, Metadata>, tensors: readonly TensorToWrite[]): Uint8Array {
  const out = new GrowingBytes()
  out.bytes(Buffer.from('GGUF'))
  out.uint32(VERSION)
  out.uint64(tensors.length)
  out.uint64(metadata.size)
  for (const [key, value] of metadata) {
    out.string(key)
    encodeValue(out, value)
  }
  let offset = 0
  for (const tensor of tensors) {
    out.string(tensor.name)
    out.uint32(tensor.shape.length)
    for (const size of tensor.shape.toReversed()) out.uint64(size)
    out.uint32(STORAGE[tensor.type].ggmlId)
    out.uint64(offset)
    offset = align(offset + tensorBytes(tensor))
  }
  out.bytes(new Uint8Array(align(out.length) - out.length))
  return out.finish()
}

function encodeValue(out: GrowingBytes, { kind, value }: Metadata): void {
  switch (kind) {
    case 'strings':
    case 'int32s':
      out.uint32(VALUE_IDS.array)
      out.uint32(kind === 'strings' ? VALUE_IDS.string : VALUE_IDS.int32)
      out.uint64(value.length)
      for (const item of value) typeof item === 'string' ? out.string(item) : out.uint32(item >>> 0)
      return
    default:
      out.uint32(VALUE_IDS[kind])
  }
  if (kind === 'string') out.string(value)
  else if (kind === 'bool') out.bytes(Uint8Array.of(value ? 1 : 0))
  else if (kind === 'float32') out.float32(value)
  else out.uint32(value)
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}

/** Little-endian values appended to a buffer that doubles when it is full. */
class GrowingBytes {
  length = 0
  #buffer = Buffer.alloc(1 << 16)

  #reserve(count: number): number {
    const start = this.length
    this.length += count
    if (this.length > this.#buffer.length) {
      const larger = Buffer.alloc(2 ** Math.ceil(Math.log2(this.length)))
      larger.set(this.#buffer)
      this.#buffer = larger
    }
    return start
  }

  bytes(value: Uint8Array): void {
    const start = this.#reserve(value.length)
    this.#buffer.set(value, start)
  }

  uint32(value: number): void {
    const start = this.#reserve(4)
    this.#buffer.writeUInt32LE(value, start)
  }

  uint64(value: number): void {
    const start = this.#reserve(8)
    this.#buffer.writeBigUInt64LE(BigInt(value), start)
  }

  float32(value: number): void {
    const start = this.#reserve(4)
    this.#buffer.writeFloatLE(value, start)
  }

  string(value: string): void {
    const encoded = Buffer.from(value)
    this.uint64(encoded.length)
    this.bytes(encoded)
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.length)
  }
}
