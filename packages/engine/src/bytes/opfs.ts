import { CheckpointError, LajuError } from '../errors.ts'

/*
 * The files that a browser keeps for a site: its origin private file system (https://fs.spec.whatwg.org). Here their
 * paths begin with `opfs:`, as in `opfs:/models/some.gguf`.
 */

const SCHEME = 'opfs:'

/** What TypeScript's library for pages leaves to that for workers (`FileSystemSyncAccessHandle`). */
export interface SyncHandle {
  read(target: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(size: number): void
  getSize(): number
  flush(): void
  close(): void
}

/**
 * The one way to write in place, and the fast one to read: only workers have it.
 * @param mode `read-only` lets others read at the same time, where the browser knows it; where it does not, one handle
 *   keeps out all others
 */
export function openSyncHandle(file: FileSystemFileHandle, mode: 'read-only' | 'readwrite'): Promise<SyncHandle> {
  const { createSyncAccessHandle } = file as { createSyncAccessHandle?: (options: object) => Promise<SyncHandle> }
  if (createSyncAccessHandle === undefined) throw new DOMException('No sync access handles.', 'NotSupportedError')
  return createSyncAccessHandle.call(file, { mode })
}

export function isOpfsPath(path: string): boolean {
  return path.startsWith(SCHEME)
}

/** The folder that a path lies in, and its name there. */
export function splitOpfsPath(path: string): { readonly folder: string; readonly name: string } {
  const end = path.lastIndexOf('/')
  return { folder: path.slice(0, end), name: path.slice(end + 1) }
}

/** @throws DOMException `NotFoundError`, `TypeMismatchError` for a file, …; CheckpointError where sites cannot keep files */
export async function opfsFolder(path: string, { create = false } = {}): Promise<FileSystemDirectoryHandle> {
  let folder = await root(path)
  for (const name of path.slice(SCHEME.length).split('/')) {
    if (name !== '') folder = await folder.getDirectoryHandle(name, { create })
  }
  return folder
}

/** @throws as `opfsFolder`; `TypeMismatchError` for a folder */
export async function opfsFile(path: string, options: { create?: boolean } = {}): Promise<FileSystemFileHandle> {
  const { folder, name } = splitOpfsPath(path)
  return (await opfsFolder(folder, options)).getFileHandle(name, options)
}

/** Removes a file or folder; none is fine. @throws DOMException `NoModificationAllowedError` while it is in use */
export async function removeFromOpfs(path: string): Promise<void> {
  const { folder, name } = splitOpfsPath(path)
  try {
    await (await opfsFolder(folder)).removeEntry(name, { recursive: true })
  } catch (cause) {
    if (nameOf(cause) !== 'NotFoundError') throw cause
  }
}

async function root(path: string): Promise<FileSystemDirectoryHandle> {
  // Neither is there on pages that are not from https or from this machine.
  const { storage } = navigator as { storage?: { getDirectory?: () => Promise<FileSystemDirectoryHandle> } }
  try {
    if (storage?.getDirectory !== undefined) return await storage.getDirectory()
  } catch (cause) {
    throw noStorage(path, cause)
  }
  throw noStorage(path)
}

export function noStorage(path: string, cause?: unknown): CheckpointError {
  return new CheckpointError('read-failed', 'The browser keeps no files for this page.', {
    file: path,
    remedy: 'Serve it over https and open it in a normal window; or load the model with `store: false`, from memory.',
    cause,
  })
}

export function nameOf(cause: unknown): string {
  return cause instanceof Error || cause instanceof DOMException ? cause.name : ''
}

/** Turns an error of the browser's file system into one that names the path and the way out. */
export function opfsError(path: string, cause: unknown): LajuError {
  if (cause instanceof LajuError) return cause
  switch (nameOf(cause)) {
    case 'NotFoundError':
    case 'TypeError': // a name that cannot be one, such as `..`
      return new CheckpointError('not-found', `There is no file or folder ${path}.`, {
        file: path,
        remedy: 'Check the spelling of the path; `listDownloads()` names the models that are stored.',
        cause,
      })
    case 'TypeMismatchError':
      return new CheckpointError('not-a-file', `${path} is a folder, or lies in a file.`, {
        file: path,
        remedy: 'Name the file itself.',
        cause,
      })
    default:
      return new CheckpointError('read-failed', `${path} cannot be read${because(cause)}.`, {
        file: path,
        remedy: 'It was removed or changed meanwhile, or the disk fails: load the model again.',
        cause,
      })
  }
}

export function because(cause: unknown): string {
  const name = nameOf(cause)
  return name === '' ? '' : ` (${name})`
}
