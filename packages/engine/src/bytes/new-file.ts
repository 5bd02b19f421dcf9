import type { FileHandle } from 'node:fs/promises'
import { LajuError, throwIfAborted } from '../errors.ts'

/**
 * A file that is written from front to back under a temporary name beside its own, which it gets when it is whole.
 * Whatever goes wrong, there is never half a file under the final name, and a file that was there before stays. For
 * Node.
 */
export class NewFile {
  readonly #final: string
  readonly #path: string
  readonly #handle: FileHandle
  #length = 0

  private constructor(final: string, path: string, handle: FileHandle) {
    this.#final = final
    this.#path = path
    this.#handle = handle
  }

  /** @throws LajuError `disk-full`, `write-failed` */
  static async begin(final: string): Promise<NewFile> {
    const { open, stat } = await import('node:fs/promises')
    const status = await stat(final).catch(() => undefined)
    if (status !== undefined && !status.isFile()) throw writeError(final, undefined, ' is not a file')
    const path = `${final}.${process.pid}-${Math.random().toString(36).slice(2, 10)}.laju-part`
    try {
      return new NewFile(final, path, await open(path, 'wx'))
    } catch (cause) {
      throw writeError(final, cause)
    }
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** @throws LajuError `disk-full`, `write-failed`; AbortError */
  async append(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#length + done)
        done += bytesWritten
      }
      this.#length += bytes.length
    } catch (cause) {
      throw writeError(this.#final, cause)
    }
  }

  /** Gives the file its final name, once it is safe on the disk. */
  async publish(): Promise<void> {
    const { rename } = await import('node:fs/promises')
    try {
      await this.#handle.sync()
      await this.#handle.close()
      await rename(this.#path, this.#final)
    } catch (cause) {
      throw writeError(this.#final, cause)
    }
  }

  /** Leaves nothing behind. For when something went wrong, be it in `publish`. */
  async discard(): Promise<void> {
    const { rm } = await import('node:fs/promises')
    await this.#handle.close().catch(() => {})
    await rm(this.#path, { force: true }).catch(() => {})
  }
}

function writeError(path: string, cause: unknown, problem?: string): LajuError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const what = code === 'ENOSPC' ? 'The disk is full' : 'Your share of the disk is used up'
    return new LajuError('disk-full', `${what}: ${path} cannot be written.`, {
      file: path,
      remedy: 'Make room, or write to another disk.',
      cause,
    })
  }
  const why = problem ?? ` cannot be written${code ? ` (${code})` : ''}`
  return new LajuError('write-failed', `${path}${why}.`, {
    file: path,
    remedy: 'Name a file in a folder that exists and that your user may write to.',
    cause,
  })
}
