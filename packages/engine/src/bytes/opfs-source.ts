import { CheckpointError, throwIfAborted } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { Folder } from './folder.ts'
import { nameOf, openSyncHandle, opfsError, opfsFile, opfsFolder, type SyncHandle } from './opfs.ts'
import { checkRange } from './range.ts'

/** Nothing that is read holds up the thread for longer, or is held twice. */
const LONGEST_READ = 16 << 20

/**
 * Opens a file that the browser keeps for this site.
 * @param path such as `opfs:/models/some.gguf`
 * @param name shown in messages in the place of the path
 * @throws CheckpointError `not-found`, `not-a-file`, `read-failed`
 */
export async function openOpfsFile(path: string, name = path): Promise<ByteSource> {
  try {
    return new OpfsSource(name, await readerOf(await opfsFile(path)))
  } catch (cause) {
    throw opfsError(name, cause)
  }
}

/**
 * Lists a folder of such files.
 * @throws CheckpointError `not-found`, `not-a-file`, `read-failed`
 */
export async function openOpfsFolder(path: string): Promise<Folder> {
  try {
    const folder = await opfsFolder(path)
    const files: string[] = []
    for await (const entry of folder.values()) if (entry.kind === 'file') files.push(entry.name)
    return { name: path, files: files.sort(), open: (file) => openOpfsFile(`${path}/${file}`) }
  } catch (cause) {
    throw opfsError(path, cause)
  }
}

/** Some bytes of a file: fewer than were asked for only at its end. */
interface Reader {
  readonly size: number
  read(offset: number, target: Uint8Array): Promise<number>
  close(): void
}

async function readerOf(file: FileSystemFileHandle): Promise<Reader> {
  try {
    return handleReader(await openSyncHandle(file, 'read-only'))
  } catch (cause) {
    // Another tab reads it, in a browser where one at a time can; or this thread is a page's.
    if (!['NoModificationAllowedError', 'InvalidStateError', 'NotSupportedError'].includes(nameOf(cause))) throw cause
    return blobReader(await file.getFile())
  }
}

function handleReader(handle: SyncHandle): Reader {
  return {
    size: handle.getSize(),
    read: async (at, target) => handle.read(target, { at }),
    close: () => handle.close(),
  }
}

function blobReader(blob: Blob): Reader {
  return {
    size: blob.size,
    async read(offset, target) {
      const bytes = await blob.slice(offset, offset + target.length).arrayBuffer()
      target.set(new Uint8Array(bytes))
      return bytes.byteLength
    },
    close: () => {},
  }
}

class OpfsSource implements ByteSource {
  readonly name: string
  readonly size: number
  #reader: Reader | undefined

  constructor(name: string, reader: Reader) {
    this.name = name
    this.size = reader.size
    this.#reader = reader
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    for (let done = 0; done < target.length; ) {
      throwIfAborted(signal)
      const count = await this.#readSome(offset + done, target.subarray(done, done + LONGEST_READ))
      if (count === 0) throw gotShorter(this.name, offset + done)
      done += count
    }
    throwIfAborted(signal)
  }

  async #readSome(offset: number, target: Uint8Array): Promise<number> {
    try {
      if (this.#reader === undefined) throw new DOMException('It is closed.', 'InvalidStateError')
      return await this.#reader.read(offset, target)
    } catch (cause) {
      throw opfsError(this.name, cause)
    }
  }

  async close(): Promise<void> {
    this.#reader?.close()
    this.#reader = undefined
  }
}

function gotShorter(path: string, at: number): CheckpointError {
  return new CheckpointError('truncated', `${path} got shorter while it was read: it now ends at byte ${at}.`, {
    file: path,
    remedy: 'Load it again when nothing writes it any more.',
  })
}
