import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeError } from './write-error.ts'

/* What is kept beside the models: small records, and folders of one model. */

/** A path inside a folder. */
export function pathIn(folder: string, name: string): string {
  return join(folder, ...name.split('/'))
}

/** What a small file says; undefined where there is none. */
export async function readRecord(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** Writes a small file, of which there is never half. @throws DownloadError `disk-full`, `download-failed` */
export async function writeRecord(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(temporary, content)
    await rename(temporary, path)
  } catch (cause) {
    throw writeError(path, cause)
  }
}

/** The names of the folders in one; none where that is missing. */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** Bytes of a file that is whole, and when it was written; undefined where there is none. */
export async function fileStatus(path: string): Promise<{ size: number; modified: Date } | undefined> {
  const status = await stat(path).catch(() => undefined)
  return status?.isFile() ? { size: status.size, modified: status.mtime } : undefined
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
