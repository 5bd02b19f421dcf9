import { createHash, randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pause } from '#hub/pause'
import { DownloadError, throwIfAborted } from '../errors.ts'
import { writeError } from './write-error.ts'

const SUFFIX = '.laju-part'
const POLL_MS = 250
const HEARTBEAT_MS = 2000
/** An owner whose process cannot be asked (another machine, a reused number) and that is still for so long is gone. */
const SILENT_MS = 10 * 60_000
/** An owner that finds it was stopped for so long (a suspended laptop) may have been taken for gone, and gives up. */
const LOST_MS = SILENT_MS / 2
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/**
 * A file on its way: the bytes so far, under a temporary name beside its final one. The name says which process owns
 * it (`FINAL.HOST-PID-RANDOM.laju-part`), so that two never write to the same file; `FINAL.laju-part` belongs to
 * nobody and is taken over by renaming it, which only one process can do. It gets its final name when it is whole, by
 * renaming as well: whatever goes wrong with the ownership costs bytes, never a wrong file.
 */
export class PartFile {
  readonly #final: string
  readonly #path: string
  readonly #handle: FileHandle
  #length: number
  #beat = Date.now()
  #isOpen = true

  private constructor(final: string, path: string, handle: FileHandle, length: number) {
    this.#final = final
    this.#path = path
    this.#handle = handle
    this.#length = length
  }

  /**
   * Begins or goes on with a file. While another process is at it, waits and reports what that has.
   * @param size what the file must have, when that is known
   * @returns undefined when the file has its final name
   * @throws DownloadError `disk-full`, `download-failed`; AbortError
   */
  static async take(
    final: string,
    size: number | undefined,
    onBytes: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<PartFile | undefined> {
    await mkdir(dirname(final), { recursive: true }).catch((cause) => Promise.reject(writeError(final, cause)))
    for (;;) {
      throwIfAborted(signal)
      if (await isFile(final, size)) return undefined
      const { busy, idle } = await partsOf(final)
      if (busy.length === 0) {
        const part = idle.length > 0 ? await PartFile.#adopt(final, idle) : await PartFile.#begin(final)
        if (part) return part
      } else {
        onBytes(Math.max(...busy.map(({ bytes }) => bytes)))
        await pause(POLL_MS, signal)
      }
    }
  }

  static async #begin(final: string): Promise<PartFile | undefined> {
    const path = ownName(final)
    const handle = await open(path, 'wx+').catch((cause) => Promise.reject(writeError(final, cause)))
    const part = new PartFile(final, path, handle, 0)
    // Of two that begin at the same moment, the first by name goes on.
    const { busy } = await partsOf(final)
    if (busy.every((other) => other.path >= path)) return part
    await part.discard()
    return undefined
  }

  /** Takes the longest of the files that nobody owns any more, and removes the others. */
  static async #adopt(final: string, idle: readonly Part[]): Promise<PartFile | undefined> {
    const [longest, ...others] = idle.toSorted((a, b) => b.bytes - a.bytes)
    const path = ownName(final)
    try {
      await utimes(longest.path, new Date(), new Date())
      await rename(longest.path, path)
    } catch {
      return undefined // another process was faster
    }
    for (const other of others) await rm(other.path, { force: true })
    return new PartFile(final, path, await open(path, 'r+'), longest.bytes)
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  async append(bytes: Uint8Array): Promise<void> {
    const now = Date.now()
    if (now - this.#beat > LOST_MS) throw interrupted(this.#final)
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#length + done)
        done += bytesWritten
      }
      this.#length += bytes.length
      this.#beat = now
    } catch (cause) {
      throw writeError(this.#final, cause)
    }
  }

  /** What is there so far, piece by piece, to go on with its checksum. */
  async *bytes(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(1 << 20)
    for (let offset = 0; offset < this.#length; ) {
      throwIfAborted(signal)
      await this.keep()
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, this.#length - offset), offset)
      if (bytesRead === 0) throw interrupted(this.#final)
      yield buffer.subarray(0, bytesRead)
      offset += bytesRead
    }
  }

  /** Tells other processes that the owner lives, while it writes nothing. */
  async keep(): Promise<void> {
    const now = Date.now()
    if (now - this.#beat < HEARTBEAT_MS) return
    if (now - this.#beat > LOST_MS) throw interrupted(this.#final)
    this.#beat = now
    await this.#handle.utimes(new Date(now), new Date(now))
  }

  /** Begins again with nothing. */
  async reset(): Promise<void> {
    await this.#handle.truncate(0)
    this.#length = 0
  }

  /** Gives the file its final name, once it is safe on the disk. */
  async publish(): Promise<void> {
    try {
      await this.#handle.sync()
      await this.#close()
      await rename(this.#path, this.#final)
      await syncFolder(dirname(this.#final))
    } catch (cause) {
      throw writeError(this.#final, cause)
    }
  }

  /** Leaves what is there to whoever goes on with it; nothing after `publish` or `discard`. */
  async release(): Promise<void> {
    if (!this.#isOpen) return
    await this.#close()
    if (this.#length === 0) await rm(this.#path, { force: true })
    else await rename(this.#path, this.#final + SUFFIX).catch(() => {})
  }

  async discard(): Promise<void> {
    await this.#close()
    await rm(this.#path, { force: true })
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#handle.close()
  }
}

interface Part {
  readonly path: string
  readonly bytes: number
}

/** The temporary files of a final one: those that a process is at, and those that are there to be taken. */
async function partsOf(final: string): Promise<{ busy: readonly Part[]; idle: readonly Part[] }> {
  const folder = dirname(final)
  const start = `${basename(final)}.`
  const busy: Part[] = []
  const idle: Part[] = []
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start) || !name.endsWith(SUFFIX)) continue
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (!status) continue
    const [, host, pid] = /^([0-9a-f]{8})-(\d+)-[0-9a-f]+$/.exec(name.slice(start.length, -SUFFIX.length)) ?? []
    const isBusy = pid !== undefined && Date.now() - status.mtimeMs < SILENT_MS && (host !== HOST || isRunning(+pid))
    const list = isBusy ? busy : idle
    list.push({ path, bytes: status.size })
  }
  return { busy, idle }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It runs, but is another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function ownName(final: string): string {
  return `${final}.${HOST}-${process.pid}-${randomBytes(6).toString('hex')}${SUFFIX}`
}

/** @param size when the length of the file is known */
export async function isFile(path: string, size?: number): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile() && (size === undefined || status.size === size),
    () => false,
  )
}

/** So that a new name survives a loss of power. Not every system can do it, and none needs it for the content. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

function interrupted(final: string): DownloadError {
  return new DownloadError('download-failed', `The download of ${final} was interrupted.`, {
    file: final,
    remedy: 'Start it again: it goes on where it was.',
  })
}

/** Bytes of a file on its way that are here already. */
export async function startedBytes(final: string): Promise<number> {
  const { busy, idle } = await partsOf(final).catch(() => ({ busy: [], idle: [] }))
  return Math.max(0, ...[...busy, ...idle].map(({ bytes }) => bytes))
}

/** @throws DownloadError `disk-full` when fewer than `bytes` are free where `path` is to be */
export async function checkSpace(path: string, bytes: number): Promise<void> {
  const folder = dirname(path)
  const status = await statfs(folder).catch(() => undefined)
  // Folders that are still to be made lie on the disk of the one above.
  if (!status) return folder === dirname(folder) ? undefined : checkSpace(folder, bytes)
  const free = status.bavail * status.bsize
  if (free >= bytes) return
  throw new DownloadError('disk-full', `The download needs ${mega(bytes)}, but ${folder} has room for ${mega(free)}.`, {
    file: path,
    remedy: 'Make room (see `laju list` and `laju remove`), or set HF_HOME to a folder on a larger disk.',
  })
}

function mega(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`
}
