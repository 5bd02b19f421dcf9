import type { ByteSource } from '../bytes/byte-source.ts'
import { checkRange } from '../bytes/range.ts'
import { CheckpointError } from '../errors.ts'
import { quoted } from './quoted.ts'
import { readFloat32 } from './read.ts'
import type { Tensor } from './tensor.ts'

/** Rows and columns that share a factor. */
const BLOCK = 128
const FACTORS = '_scale_inv'
const FLOAT_BYTES = 4

/**
 * Shows every 8-bit float tensor that has block factors beside it (`NAME_scale_inv` [ceil(rows / 128),
 * ceil(columns / 128)], as DeepSeek-V3 and Qwen3 publish them) as the float32 tensor that it stands for: element times
 * factor, rounded once. It is decoded while it is read; in the memory of a model it takes 4 bytes an element, the
 * smallest form that loses nothing (a factor alone has up to 24 bits). Other tensors are passed on.
 * @throws CheckpointError `invalid-checkpoint` for factors of another shape
 */
export function decodedFp8(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const decoded = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    const factors = tensor.type === 'F8_E4M3' ? tensors.get(name + FACTORS) : undefined
    decoded.set(name, factors ? decodedTensor(tensor, factors) : tensor)
  }
  return decoded
}

function decodedTensor(tensor: Tensor, factors: Tensor): Tensor {
  const { shape, name, source } = tensor
  const expected = shape.map((length) => Math.ceil(length / BLOCK))
  if (shape.length !== 2 || factors.shape.length !== 2 || expected.some((length, i) => factors.shape[i] !== length)) {
    const found = `are [${factors.shape.join(', ')}]`
    const problem = `the factors of the tensor ${quoted(name)} [${shape.join(', ')}] ${found}, and not one a block of 128 by 128`
    throw new CheckpointError('invalid-checkpoint', `${source.name}: ${problem}.`, {
      file: source.name,
      field: factors.name,
      remedy: 'The file is damaged, or of another kind of 8-bit floats; download the model in BF16, or as GGUF.',
    })
  }
  const decoding = new DecodedSource(tensor, factors)
  return { ...tensor, type: 'F32', source: decoding, offset: 0, byteLength: decoding.size }
}

/** The float32 elements of one tensor, row after row. The checkpoint owns, and closes, what they are decoded from. */
class DecodedSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #tensor: Tensor
  readonly #factors: Tensor
  #factorValues: Float32Array | undefined

  constructor(tensor: Tensor, factors: Tensor) {
    this.name = tensor.source.name
    this.size = FLOAT_BYTES * tensor.byteLength
    this.#tensor = tensor
    this.#factors = factors
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    if (offset % FLOAT_BYTES !== 0 || target.length % FLOAT_BYTES !== 0) {
      throw new RangeError(`bytes ${offset} to ${offset + target.length} are not whole floats`)
    }
    this.#factorValues ??= await readFloat32(this.#factors, signal)
    const first = offset / FLOAT_BYTES
    const stored = new Uint8Array(target.length / FLOAT_BYTES)
    await this.#tensor.source.read(this.#tensor.offset + first, stored, signal)
    this.#decode(stored, first, this.#factorValues, new DataView(target.buffer, target.byteOffset, target.length))
  }

  async close(): Promise<void> {}

  #decode(stored: Uint8Array, first: number, factors: Float32Array, target: DataView): void {
    const columns = this.#tensor.shape[1]
    const factorColumns = this.#factors.shape[1]
    let row = Math.floor(first / columns)
    let column = first % columns
    for (let i = 0; i < stored.length; i++) {
      const factor = factors[Math.floor(row / BLOCK) * factorColumns + Math.floor(column / BLOCK)]
      target.setFloat32(FLOAT_BYTES * i, E4M3[stored[i]] * factor, true)
      column++
      if (column < columns) continue
      column = 0
      row++
    }
  }
}

/**
 * The values of the 8-bit float E4M3 (arXiv 2209.05433): a sign, 4 bits of exponent, 3 of fraction; no infinities, and
 * all ones is not a number.
 */
export const E4M3 = Float32Array.from({ length: 256 }, (_, bits) => {
  const [exponent, fraction] = [(bits >> 3) & 15, bits & 7]
  const size = exponent === 0 ? fraction / 512 : (1 + fraction / 8) * 2 ** (exponent - 7)
  if (exponent === 15 && fraction === 7) return Number.NaN
  return bits < 128 ? size : -size
})
