import type { Folder } from '../bytes/folder.ts'
import { CheckpointError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'

/**
 * A page opens no paths.
 * @throws CheckpointError `not-found`
 */
export async function openLocation(path: string): Promise<{ folder: Folder; file: string | undefined }> {
  throw new CheckpointError('not-found', `${quoted(path)} names no model that a page can open.`, {
    file: path,
    remedy: 'Give the file itself (a File or Blob), or the address of a GGUF file.',
  })
}

/** The names of the files that lie beside a path, whether that is there or not. */
export async function namesBeside(_path: string): Promise<readonly string[]> {
  return []
}
