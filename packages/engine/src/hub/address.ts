import { newChecksum } from '#hub/checksum'
import { fileStatus, foldersIn, pathIn, readRecord, removeFolder, writeRecord } from '#hub/disk'
import { download } from './download.ts'
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
export async function addressFile(cache: string, url: string): Promise<AddressFile> {
  const last = decodedName(url)
  const folder = pathIn(cache, await keyOf(url))
  return { url, folder, path: pathIn(folder, isSafePath(last) && last !== SOURCE ? last : 'model') }
}

/** The beginning of the SHA-256 of an address. */
async function keyOf(url: string): Promise<string> {
  const hash = await newChecksum('sha256')
  hash.update(new TextEncoder().encode(url))
  return (await hash.digest()).slice(0, 16)
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
  const { etag, size } = await readSource(folder)
  let total = size ?? 0
  await download({ name: url, url, etag }, path, {
    signal,
    onBytes: (loaded) => onBytes(loaded, Math.max(loaded, total)),
    onBegin: async (size, etag) => {
      total = size
      await writeRecord(pathIn(folder, SOURCE), JSON.stringify({ url, size, etag }))
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
    const { url, size, etag } = JSON.parse((await readRecord(pathIn(folder, SOURCE))) ?? '{}')
    return {
      url: typeof url === 'string' ? url : undefined,
      size: typeof size === 'number' ? size : undefined,
      etag: typeof etag === 'string' ? etag : undefined,
    }
  } catch {
    return {}
  }
}

/** The files that are whole, with their addresses. */
export async function addressFiles(cache: string): Promise<(AddressFile & { size: number; modified: Date })[]> {
  const found = await Promise.all(
    (await foldersIn(cache)).map(async (name) => {
      const { url } = await readSource(pathIn(cache, name))
      if (url === undefined || !URL.canParse(url)) return []
      const file = await addressFile(cache, url)
      const status = file.folder === pathIn(cache, name) ? await fileStatus(file.path) : undefined
      return status === undefined ? [] : [{ ...file, ...status }]
    }),
  )
  return found.flat()
}

export async function removeAddress({ folder }: AddressFile): Promise<void> {
  await removeFolder(folder)
}
