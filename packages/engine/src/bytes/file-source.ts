import type { FileHandle } from 'node:fs/promises'
import { CheckpointError, throwIfAborted } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { checkRange } from './range.ts'
import { systemError } from './system-error.ts'

/** Node refuses single reads of 2 GiB and more. */
const LONGEST_READ = 2 ** 30

/**
 * Opens a file on disk (Node, Deno, Bun).
 * @throws CheckpointError `not-found`; `not-a-file` for a folder, a pipe or a device; `read-failed` when the system
 *   refuses, such as for want of permission.
 */
export async function openFile(path: string): Promise<ByteSource> {
  // Imported on use, so that browsers can load the module graph.
  const { open, stat } = await import('node:fs/promises')
  try {
    // Before opening: to open a pipe would wait for a writer.
    const status = await stat(path)
    if (!status.isFile()) throw notAFile(path, status.isDirectory())
    return new FileSource(path, status.size, await open(path, 'r'))
  } catch (cause) {
    throw systemError(path, cause)
  }
}

class FileSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #handle: FileHandle

  constructor(name: string, size: number, handle: FileHandle) {
    this.name = name
    this.size = size
    this.#handle = handle
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    let done = 0
    while (done < target.length) {
      throwIfAborted(signal)
      const count = await this.#readSome(offset + done, target.subarray(done, done + LONGEST_READ))
      if (count === 0) throw gotShorter(this, offset + done)
      done += count
    }
    throwIfAborted(signal)
  }

  /** A read may return fewer bytes than were asked for (network drives do). */
  async #readSome(offset: number, target: Uint8Array): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(target, 0, target.length, offset)
      return bytesRead
    } catch (cause) {
      throw systemError(this.name, cause)
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

function notAFile(path: string, isFolder: boolean): CheckpointError {
  return new CheckpointError('not-a-file', `${path} is ${isFolder ? 'a folder' : 'a pipe or a device'}, not a file.`, {
    file: path,
    remedy: 'Name the file itself.',
  })
}

function gotShorter(source: ByteSource, at: number): CheckpointError {
  return new CheckpointError('truncated', `${source.name} got shorter while it was read: it now ends at byte ${at}.`, {
    file: source.name,
    remedy: 'Wait until the download or copy that writes it has ended, then load it again.',
  })
}
