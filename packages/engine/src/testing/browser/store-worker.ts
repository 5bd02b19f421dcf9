import { hexOf } from '../../bytes/hex.ts'
import { openSyncHandle, opfsFile, opfsFolder, removeFromOpfs } from '../../bytes/opfs.ts'
import { openOpfsFile } from '../../bytes/opfs-source.ts'
import { LajuError } from '../../errors.ts'
import { checkpointName } from '../../hub/checkpoint-name.ts'
import { findDownloads, listDownloads, removeDownloads } from '../../hub/downloaded.ts'
import { openCheckpoint } from '../../hub/open-checkpoint.ts'
import { locate, locateUnstored, type PullOptions, pull } from '../../hub/pull.ts'
import { tensorChecksum } from '../tensor-checksum.ts'

/*
 * The store of a site, for tests to call from a page: a worker, since only workers can write in place.
 */

let progress = 0

const CALLS = {
  pull: (name: string, options: PullOptions) => pull(name, withProgress(options)),
  locate: (name: string, options: PullOptions) => locate(name, withProgress(options)),
  progress: async () => progress,
  list: async () => (await listDownloads()).map(({ name, bytes, path }) => ({ name, bytes, path })),
  find: async (name: string) => (await findDownloads(name)).map((model) => model.name),
  remove: removeDownloads,
  /** The name that the model of a path gives itself. */
  async open(path: string): Promise<string> {
    const checkpoint = await openCheckpoint(path)
    await checkpoint.close()
    return checkpointName(checkpoint)
  },
  /** A checksum of all tensors of a model, which is read where it is. */
  async checksumUnstored(name: string, options: PullOptions): Promise<string> {
    return tensorChecksum(await openCheckpoint(await locateUnstored(name, options)))
  },
  /** SHA-256 of a file, as the engine reads it. */
  async sha256(path: string): Promise<string> {
    const source = await openOpfsFile(path)
    const bytes = new Uint8Array(source.size)
    await source.read(0, bytes)
    await source.close()
    return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
  },
  /** What reading of a file says when the file goes away, or gets shorter, while it is open. */
  async readChanged(path: string, change: 'removed' | 'shorter'): Promise<string> {
    const file = await opfsFile(path, { create: true })
    await write(file, new Uint8Array(1000))
    // As where the handle of another tab keeps ours out.
    const other = await openSyncHandle(file, 'readwrite')
    const source = await openOpfsFile(path)
    if (change === 'shorter') other.truncate(100)
    other.close()
    if (change === 'removed') await (await opfsFolder('opfs:/')).removeEntry(file.name)
    return source.read(500, new Uint8Array(100)).then(
      () => 'read',
      (error) => (error instanceof LajuError ? error.code : String(error)),
    )
  },
  /** Opens a file several times, and says how many bytes each can read. */
  async openTwice(path: string): Promise<number[]> {
    const sources = [await openOpfsFile(path), await openOpfsFile(path)]
    for (const source of sources) await source.read(0, new Uint8Array(source.size))
    for (const source of sources) await source.close()
    return sources.map(({ size }) => size)
  },
  /** Flips a bit of a file. */
  async damage(path: string, at: number): Promise<void> {
    const handle = await openSyncHandle(await opfsFile(path), 'readwrite')
    const byte = new Uint8Array(1)
    handle.read(byte, { at })
    byte[0] ^= 1
    handle.write(byte, { at })
    handle.close()
  },
  /** Keeps a file open until the worker ends. */
  async hold(path: string): Promise<void> {
    await openOpfsFile(path)
  },
  /** Everything that is stored: paths with their lengths. */
  async files(): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    const walk = async (folder: FileSystemDirectoryHandle, path: string): Promise<void> => {
      for await (const [name, entry] of folder.entries()) {
        if (isFolder(entry)) await walk(entry, `${path}/${name}`)
        else found[`${path}/${name}`] = (await (entry as FileSystemFileHandle).getFile()).size
      }
    }
    await walk(await opfsFolder('opfs:/'), 'opfs:')
    return found
  },
  /** As a browser does that tells the truth. */
  async claimRoom(quota: number): Promise<void> {
    navigator.storage.estimate = async () => ({ usage: 0, quota })
  },
  /** As on a page that is neither from https nor from this machine. */
  async pretendInsecure(): Promise<void> {
    for (const name of ['storage', 'locks']) Object.defineProperty(navigator, name, { value: undefined })
    Object.defineProperty(crypto, 'subtle', { value: undefined })
  },
  async overwrite(path: string, text: string): Promise<void> {
    await write(await opfsFile(path), new TextEncoder().encode(text))
  },
  removeFile: (path: string) => removeFromOpfs(path),
  async clear(): Promise<void> {
    const root = await opfsFolder('opfs:/')
    for await (const name of root.keys()) await root.removeEntry(name, { recursive: true })
  },
}

export type StoreCalls = typeof CALLS

function isFolder(entry: FileSystemHandle): entry is FileSystemDirectoryHandle {
  return entry.kind === 'directory'
}

async function write(file: FileSystemFileHandle, bytes: Uint8Array): Promise<void> {
  const handle = await openSyncHandle(file, 'readwrite')
  handle.truncate(0)
  handle.write(bytes, { at: 0 })
  handle.close()
}

function withProgress(options: PullOptions): PullOptions {
  progress = 0
  return {
    ...options,
    onProgress: ({ loaded }) => {
      progress = loaded
    },
  }
}

addEventListener('message', async ({ data: { id, call, request } }: MessageEvent) => {
  try {
    const perform = CALLS[call as keyof StoreCalls] as (...request: unknown[]) => Promise<unknown>
    postMessage({ id, result: await perform(...request) })
  } catch (error) {
    const { code, message, file, remedy } = error as Partial<LajuError>
    postMessage({ id, error: { code: code ?? (error as Error)?.stack, message, file, remedy } })
  }
})
