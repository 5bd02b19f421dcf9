import { throwIfAborted } from '../errors.ts'

/** A Blob that is written from front to back, as a NewFile is: the browser keeps it where it sees fit. */
export class NewBlob {
  readonly #parts: Blob[] = []

  /** @throws AbortError */
  async append(bytes: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    // A copy, outside of this thread's memory.
    this.#parts.push(new Blob([bytes]))
  }

  async publish(): Promise<Blob> {
    return new Blob(this.#parts)
  }

  async discard(): Promise<void> {
    this.#parts.length = 0
  }
}
