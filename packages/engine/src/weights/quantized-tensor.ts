import type { ByteSource } from '../bytes/byte-source.ts'
import { checkRange } from '../bytes/range.ts'
import { CheckpointError } from '../errors.ts'
import { decodeRow } from './decode/decode.ts'
import { type DecodableType, ELEMENT_LAYOUTS, isDecodable, rowBytes } from './element-type.ts'
import { type EncodableType, encodeRow } from './encode/encode.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** Elements that are converted at once: a multiple of every type's block. */
const PIECE = 2 ** 16
const LARGEST_HALF = 65_504
const LARGEST_BF16 = 2 ** 127 * (2 - 2 ** -7)

/**
 * Shows a tensor as if it were stored in another type: its elements are decoded and encoded while they are read, a
 * piece at a time. Rows must have whole blocks of that type. What is of that type already is passed on.
 */
export function quantizedTensor(tensor: Tensor, type: EncodableType): Tensor {
  if (tensor.type === type) return tensor
  const { type: stored, shape, source } = tensor
  if (!isDecodable(stored)) {
    throw new CheckpointError(
      'unsupported-type',
      `${source.name}: the tensor ${quoted(tensor.name)} is of ${stored}.`,
      {
        file: source.name,
        field: tensor.name,
        remedy: 'Only weights of float and block types can be converted.',
      },
    )
  }
  const encoding = new EncodedSource(tensor, stored, type)
  return { name: tensor.name, type, shape, source: encoding, offset: 0, byteLength: encoding.size }
}

/** The elements of one tensor in another type. The checkpoint owns, and closes, what they are read from. */
class EncodedSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #tensor: Tensor
  readonly #stored: DecodableType
  readonly #type: EncodableType
  #bytes = new Uint8Array(0)
  #floats = new Float32Array(0)

  constructor(tensor: Tensor, stored: DecodableType, type: EncodableType) {
    this.name = tensor.source.name
    this.size = rowBytes(
      type,
      tensor.shape.reduce((product, length) => product * length, 1),
    )
    this.#tensor = tensor
    this.#stored = stored
    this.#type = type
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    const { blockLength, blockBytes } = ELEMENT_LAYOUTS[this.#type]
    if (offset % blockBytes !== 0 || target.length % blockBytes !== 0) {
      throw new RangeError(`bytes ${offset} to ${offset + target.length} are no whole blocks of ${this.#type}`)
    }
    const first = (offset / blockBytes) * blockLength
    const end = first + (target.length / blockBytes) * blockLength
    for (let at = first; at < end; at += PIECE) {
      const count = Math.min(PIECE, end - at)
      const values = await this.#decoded(at, count, signal)
      encodeRow(this.#type, values, target, rowBytes(this.#type, at - first))
    }
  }

  async close(): Promise<void> {}

  async #decoded(first: number, count: number, signal?: AbortSignal): Promise<Float32Array> {
    const { source, offset } = this.#tensor
    const start = rowBytes(this.#stored, first)
    const length = rowBytes(this.#stored, count)
    if (!Number.isInteger(start) || !Number.isInteger(length)) {
      throw new RangeError(`elements ${first} to ${first + count} are no whole blocks of ${this.#stored}`)
    }
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    if (this.#floats.length < count) this.#floats = new Float32Array(count)
    const bytes = this.#bytes.subarray(0, length)
    const values = this.#floats.subarray(0, count)
    await source.read(offset + start, bytes, signal)
    decodeRow(this.#stored, bytes, 0, values)
    this.#check(values, first)
    return values
  }

  /** One number that is none would spoil a block, and what is too large for a scale becomes infinite. */
  #check(values: Float32Array, first: number): void {
    const largest = this.#type === 'F32' || this.#type === 'BF16' ? LARGEST_BF16 : LARGEST_HALF
    for (let i = 0; i < values.length; i++) {
      if (!(Math.abs(values[i]) <= largest)) throw this.#unfit(values[i], first + i)
    }
  }

  #unfit(value: number, index: number): CheckpointError {
    const { name, shape } = this.#tensor
    const columns = shape[shape.length - 1] ?? 1
    const place = `row ${Math.floor(index / columns)}, column ${index % columns}`
    const what = Number.isFinite(value) ? `${value}, too large for ${this.#type}` : String(value)
    const problem = `${this.name}: the tensor ${quoted(name)} holds ${what}, in ${place}.`
    return new CheckpointError('invalid-checkpoint', problem, {
      file: this.name,
      field: name,
      remedy: Number.isFinite(value)
        ? 'Use the type BF16.'
        : 'The file is damaged, or was saved by training that failed.',
    })
  }
}
