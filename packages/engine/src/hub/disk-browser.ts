import { openSyncHandle, opfsFile, opfsFolder, removeFromOpfs } from '../bytes/opfs.ts'
import { removeError, statusOf, storageError, whileLocked } from './opfs-store.ts'

/* What is kept beside the models: small records, and folders of one model. */

/** A path inside a folder. */
export function pathIn(folder: string, name: string): string {
  return name === '' ? folder : `${folder}/${name}`
}

/** What a small file says; undefined where there is none. */
export async function readRecord(path: string): Promise<string | undefined> {
  try {
    return await (await (await opfsFile(path)).getFile()).text()
  } catch {
    return undefined
  }
}

/** Writes a small file. @throws DownloadError `disk-full`, `download-failed` */
export async function writeRecord(path: string, content: string): Promise<void> {
  await whileLocked(path, async () => {
    try {
      const handle = await openSyncHandle(await opfsFile(path, { create: true }), 'readwrite')
      try {
        // In one go, so that a tab that dies leaves either the old or the new.
        const bytes = new TextEncoder().encode(content)
        handle.write(bytes, { at: 0 })
        handle.truncate(bytes.length)
        handle.flush()
      } finally {
        handle.close()
      }
    } catch (cause) {
      throw await storageError(path, cause)
    }
  })
}

/** The names of the folders in one; none where that is missing. */
export async function foldersIn(folder: string): Promise<string[]> {
  const names: string[] = []
  try {
    for await (const entry of (await opfsFolder(folder)).values())
      if (entry.kind === 'directory') names.push(entry.name)
  } catch {
    // It is not there, or goes away.
  }
  return names.sort()
}

/** Bytes of a file that is whole, and when it was written; undefined where there is none. */
export async function fileStatus(path: string): Promise<{ size: number; modified: Date } | undefined> {
  const status = await statusOf(path)
  return status?.isWhole ? status : undefined
}

/** @throws DownloadError `busy` while something in it is in use */
export async function removeFolder(folder: string): Promise<void> {
  await removeFromOpfs(folder).catch((cause) => Promise.reject(removeError(folder, cause)))
}
