import type { ByteSource } from '../bytes/byte-source.ts'
import { CheckpointError, type ErrorCode } from '../errors.ts'
import { quoted } from './quoted.ts'

const FIRST_WINDOW = 2 ** 20

/** What to do about a file whose header contradicts itself. */
export const DAMAGED = 'The file is damaged or was written by a faulty program; download or convert it again.'

/**
 * Reads a little-endian header of unknown length from front to back, through a window that starts at 1 MiB and doubles.
 * Reading is synchronous within the window; `need` moves its end, and is the only place that trusts a length from the
 * file with memory: it refuses what the file cannot hold.
 */
export class HeaderCursor {
  /** The next byte, from the start of the file. */
  position = 0
  /** What is being read, for messages. */
  field = 'the header'
  readonly source: ByteSource
  readonly #limit: number
  readonly #signal: AbortSignal | undefined
  #window = new Uint8Array(0)
  #view = new DataView(this.#window.buffer)

  /** No header is longer than `limit` bytes. */
  constructor(source: ByteSource, limit: number, signal?: AbortSignal) {
    this.source = source
    this.#limit = limit
    this.#signal = signal
  }

  fail(problem: string, code: ErrorCode = 'invalid-checkpoint', remedy = DAMAGED): CheckpointError {
    const { name } = this.source
    return new CheckpointError(code, `${name}: ${problem}`, { file: name, field: this.field, remedy })
  }

  /** Whether the next `count` bytes can be read without `need`. */
  has(count: number): boolean {
    return this.position + count <= this.#window.length
  }

  /** Makes the next `count` bytes readable. @throws CheckpointError when the file or the limit ends before them */
  async need(count: number): Promise<void> {
    if (this.has(count)) return
    const { size } = this.source
    const end = this.position + count
    if (end > size) {
      const claim = `${quoted(this.field)} claims ${count} bytes from byte ${this.position} on`
      const problem = `${claim}, but the file ends at byte ${size}.`
      throw this.fail(problem, 'truncated', 'The file is incomplete or damaged; download it again.')
    }
    if (end > this.#limit) {
      throw this.fail(`the header is longer than ${this.#limit} bytes at ${quoted(this.field)}.`)
    }
    const window = new Uint8Array(Math.min(size, this.#limit, Math.max(end, 2 * this.#window.length, FIRST_WINDOW)))
    window.set(this.#window)
    await this.source.read(this.#window.length, window.subarray(this.#window.length), this.#signal)
    this.#window = window
    this.#view = new DataView(window.buffer)
  }

  /** A copy of the next `count` bytes. */
  take(count: number): Uint8Array<ArrayBuffer> {
    return this.#window.slice(this.position, this.#advance(count) + count)
  }

  /** A copy of the bytes from `start` to here. */
  takeSince(start: number): Uint8Array<ArrayBuffer> {
    return this.#window.slice(start, this.position)
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true)
  }

  /** A 64-bit count, length or offset. @throws CheckpointError beyond 2^53 - 1, which no file reaches */
  length(): number {
    const at = this.#advance(8)
    const length = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32
    if (Number.isSafeInteger(length)) return length
    throw this.fail(`${quoted(this.field)} claims a length of ${this.#view.getBigUint64(at, true)}.`)
  }

  #advance(count: number): number {
    const at = this.position
    this.position = at + count
    return at
  }
}
