import { throwIfAborted } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { checkRange } from './range.ts'

/** Bytes that are in memory already. They are read where they are, not copied. */
export class MemorySource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #bytes: Uint8Array

  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.size = bytes.length
    this.#bytes = bytes
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    checkRange(this, offset, target.length)
    target.set(this.#bytes.subarray(offset, offset + target.length))
  }

  async close(): Promise<void> {}
}
