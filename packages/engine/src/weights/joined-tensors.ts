import type { ByteSource } from '../bytes/byte-source.ts'
import { checkRange } from '../bytes/range.ts'
import type { Tensor } from './tensor.ts'

/** Shows tensors of one type and shape as one with a dimension more, which counts them. Nothing is read or copied. */
export function joinedTensors(name: string, parts: readonly Tensor[]): Tensor {
  const [{ type, shape }] = parts
  if (parts.some((part) => part.type !== type || part.shape.join() !== shape.join())) {
    throw new RangeError(`the parts of ${name} are not all alike`)
  }
  const source = new JoinedSource(parts)
  return { name, type, shape: [parts.length, ...shape], source, offset: 0, byteLength: source.size }
}

/** The bytes of tensors of equal length, one after the other. */
class JoinedSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #parts: readonly Tensor[]
  readonly #partBytes: number

  constructor(parts: readonly Tensor[]) {
    this.name = parts[0].source.name
    this.#partBytes = parts[0].byteLength
    this.size = this.#partBytes * parts.length
    this.#parts = parts
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    for (let done = 0; done < target.length; ) {
      const at = (offset + done) % this.#partBytes
      const { source, offset: start } = this.#parts[Math.floor((offset + done) / this.#partBytes)]
      const count = Math.min(target.length - done, this.#partBytes - at)
      await source.read(start + at, target.subarray(done, done + count), signal)
      done += count
    }
  }

  async close(): Promise<void> {}
}
