import { pause } from '#hub/pause'
import { nameOf, openSyncHandle, opfsFile, type SyncHandle } from '../bytes/opfs.ts'
import {
  freeOf,
  markWhole,
  noSpace,
  removeStored,
  roomOfSite,
  statusOf,
  storageError,
  takeLock,
  unmarkWhole,
} from './opfs-store.ts'

const POLL_MS = 250
/** A tab that was closed may keep its file for a moment longer than its lock. */
const LONGEST_WAIT_MS = 10_000
/** After so many bytes that are read again, others have a turn: to abort must be possible. */
const TURN = 8 << 20

/**
 * A file on its way to the storage of the site, and what of it is there already. One tab is at it at a time: it holds
 * the lock of the file's path, and the only handle that can write. If the tab is closed, the next goes on from there.
 */
export class PartFile {
  readonly #path: string
  readonly #handle: SyncHandle
  readonly #giveBack: () => void
  readonly #size: number | undefined
  #length: number
  #isOpen = true

  private constructor(path: string, handle: SyncHandle, size: number | undefined, giveBack: () => void) {
    this.#path = path
    this.#handle = handle
    this.#giveBack = giveBack
    this.#size = size
    this.#length = handle.getSize()
  }

  /**
   * Begins or goes on with a file. While another tab is at it, waits and reports what that has.
   * @param size what the file must have, when that is known
   * @returns undefined when the file is whole
   * @throws DownloadError `disk-full`, `download-failed`; AbortError
   */
  static async take(
    path: string,
    size: number | undefined,
    onBytes: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<PartFile | undefined> {
    const watch = setInterval(() => void startedBytes(path).then(onBytes), POLL_MS)
    const giveBack = await takeLock(path, signal).finally(() => clearInterval(watch))
    try {
      if (await isFile(path, size)) {
        giveBack()
        return undefined
      }
      await unmarkWhole(path)
      return new PartFile(path, await handleOf(path, signal), size, giveBack)
    } catch (cause) {
      giveBack()
      throw await storageError(path, cause, size)
    }
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const count = this.#handle.write(bytes.subarray(done), { at: this.#length + done })
        if (count === 0) throw new DOMException('Nothing was written.', 'QuotaExceededError')
        done += count
      }
      this.#length += bytes.length
    } catch (cause) {
      const needed = this.#size === undefined ? undefined : this.#size - this.#length
      throw await storageError(this.#path, cause, needed)
    }
  }

  /** What is there so far, piece by piece, to go on with its checksum. */
  async *bytes(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(1 << 20)
    for (let offset = 0; offset < this.#length; ) {
      if (offset % TURN === 0) await pause(0, signal)
      const count = this.#handle.read(buffer.subarray(0, this.#length - offset), { at: offset })
      if (count === 0) throw await storageError(this.#path, new DOMException('It got shorter.', 'NotReadableError'))
      yield buffer.subarray(0, count)
      offset += count
    }
  }

  /** Nobody needs to be told that the owner lives: the browser knows. */
  async keep(): Promise<void> {}

  /** Begins again with nothing. */
  async reset(): Promise<void> {
    this.#handle.truncate(0)
    this.#length = 0
  }

  /** Says that the file is whole, once it is safe on the disk. */
  async publish(): Promise<void> {
    try {
      this.#handle.flush()
      this.#handle.close()
      await markWhole(this.#path)
    } catch (cause) {
      throw await storageError(this.#path, cause)
    } finally {
      this.#close()
    }
  }

  /** Leaves what is there to whoever goes on with it; nothing after `publish` or `discard`. */
  async release(): Promise<void> {
    if (!this.#isOpen) return
    if (this.#length === 0) return this.discard()
    this.#close()
  }

  async discard(): Promise<void> {
    this.#handle.close()
    await removeStored(this.#path).finally(() => this.#close())
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#handle.close()
    this.#giveBack()
  }
}

async function handleOf(path: string, signal: AbortSignal | undefined): Promise<SyncHandle> {
  const file = await opfsFile(path, { create: true })
  for (let waited = 0; ; waited += POLL_MS) {
    try {
      return await openSyncHandle(file, 'readwrite')
    } catch (cause) {
      if (nameOf(cause) !== 'NoModificationAllowedError' || waited >= LONGEST_WAIT_MS) throw cause
      await pause(POLL_MS, signal)
    }
  }
}

/** Whether a file is there and whole. @param size when the length of the file is known */
export async function isFile(path: string, size?: number): Promise<boolean> {
  const status = await statusOf(path)
  return status?.isWhole === true && (size === undefined || status.size === size)
}

/** Bytes of a file on its way that are here already. */
export async function startedBytes(path: string): Promise<number> {
  return (await statusOf(path))?.size ?? 0
}

/** @throws DownloadError `disk-full` when the browser has fewer than `bytes` left for this site */
export async function checkSpace(path: string, bytes: number): Promise<void> {
  const room = await roomOfSite()
  if ((freeOf(room) ?? bytes) < bytes) throw noSpace(path, bytes, room)
}
