import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { download } from './download.ts'
import { isFile, writeError } from './part-file.ts'
import { isSafePath } from './reference.ts'

/*
 * Files from other addresses, in a folder of our own: one folder an address, with the file under its own name, and
 * with source.json, which says where it came from.
 */

const SOURCE = 'source.json'

export interface AddressFile {
  readonly url: string
  readonly folder: string
  readonly path: string
}

/** Where the file of an address is kept. */
export function addressFile(cache: string, url: string): AddressFile {
  const key = createHash('sha256').update(url).digest('hex').slice(0, 16)
  const last = decodedName(url)
  const folder = join(cache, key)
  return { url, folder, path: join(folder, isSafePath(last) && last !== SOURCE ? last : 'model') }
}

function decodedName(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

/**
 * Fetches the file of an address. Such a file has no checksum: its length is checked, and parts are joined only while
 * the server's ETag says that they belong together.
 * @throws DownloadError; AbortError
 */
export async function downloadAddress(
  { url, folder, path }: AddressFile,
  onBytes: (loaded: number, total: number) => void,
  onBegin: (size: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause) => Promise.reject(writeError(folder, cause)))
  const { etag, size } = await readSource(folder)
  let total = size ?? 0
  await download({ name: url, url, etag }, path, {
    signal,
    onBytes: (loaded) => onBytes(loaded, Math.max(loaded, total)),
    onBegin: async (size, etag) => {
      total = size
      await writeSource(folder, { url, size, etag })
      await onBegin(size)
    },
  })
}

interface Source {
  readonly url?: string
  readonly size?: number
  readonly etag?: string
}

async function readSource(folder: string): Promise<Source> {
  try {
    const { url, size, etag } = JSON.parse(await readFile(join(folder, SOURCE), 'utf8'))
    return {
      url: typeof url === 'string' ? url : undefined,
      size: typeof size === 'number' ? size : undefined,
      etag: typeof etag === 'string' ? etag : undefined,
    }
  } catch {
    return {}
  }
}

async function writeSource(folder: string, source: Source): Promise<void> {
  const name = join(folder, SOURCE)
  try {
    await writeFile(`${name}.${process.pid}`, JSON.stringify(source))
    await rename(`${name}.${process.pid}`, name)
  } catch (cause) {
    throw writeError(name, cause)
  }
}

/** The files that are whole, with their addresses. */
export async function addressFiles(cache: string): Promise<(AddressFile & { size: number; modified: Date })[]> {
  const folders = await readdir(cache).catch(() => [])
  const found = await Promise.all(
    folders.map(async (name) => {
      const { url } = await readSource(join(cache, name))
      if (url === undefined || !URL.canParse(url)) return []
      const file = addressFile(cache, url)
      if (file.folder !== join(cache, name) || !(await isFile(file.path))) return []
      const { size, mtime } = await stat(file.path)
      return [{ ...file, size, modified: mtime }]
    }),
  )
  return found.flat()
}

export async function removeAddress({ folder }: AddressFile): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
