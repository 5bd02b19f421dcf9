import { openFolder } from '../bytes/disk-folder.ts'
import type { Folder } from '../bytes/folder.ts'
import { systemError } from '../bytes/system-error.ts'

/**
 * A path as the folder that it is; or as the folder in which it is a file, and that file's name.
 * @throws CheckpointError `not-found`, `read-failed`
 */
export async function openLocation(path: string): Promise<{ folder: Folder; file: string | undefined }> {
  const { stat } = await import('node:fs/promises')
  const { basename, dirname } = await import('node:path')
  const status = await stat(path).catch((cause) => {
    throw systemError(path, cause)
  })
  if (status.isDirectory()) return { folder: await openFolder(path), file: undefined }
  return { folder: await openFolder(dirname(path), basename(path)), file: basename(path) }
}

/** The names of the files that lie beside a path, whether that is there or not. */
export async function namesBeside(path: string): Promise<readonly string[]> {
  const { dirname } = await import('node:path')
  const folder = await openFolder(dirname(path)).catch(() => undefined)
  return folder?.files ?? []
}
