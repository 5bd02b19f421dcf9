import type { Folder } from '../bytes/folder.ts'
import { isOpfsPath, nameOf, opfsError, opfsFile, splitOpfsPath } from '../bytes/opfs.ts'
import { openOpfsFile, openOpfsFolder } from '../bytes/opfs-source.ts'
import { CheckpointError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'
import { CachedRepository } from './cache-browser.ts'

/**
 * A path of the browser's storage (`opfs:/…`) as the folder that it is; or as the folder in which it is a file, and that
 * file's name.
 * @throws CheckpointError `not-found`, `read-failed`
 */
export async function openLocation(path: string): Promise<{ folder: Folder; file: string | undefined }> {
  if (!isOpfsPath(path)) throw noPath(path)
  const stored = CachedRepository.ofPath(path)
  if (stored) {
    const { cached, commit, inside } = stored
    const blobs = await cached.blobsOf(commit)
    const isFile = blobs.has(inside)
    const within = isFile ? inside.slice(0, inside.lastIndexOf('/') + 1) : inside && `${inside}/`
    const folder = snapshotFolder(cached.pathIn(commit, within.slice(0, -1)), within, blobs)
    if (isFile || folder.files.length > 0) return { folder, file: isFile ? inside.slice(within.length) : undefined }
    throw opfsError(path, new DOMException('It is not in the record.', 'NotFoundError'))
  }
  if (!(await isFilePath(path))) return { folder: await openOpfsFolder(path), file: undefined }
  const { folder, name } = splitOpfsPath(path)
  return { folder: await openOpfsFolder(folder), file: name }
}

/** The names of the files that lie beside a path, whether that is there or not. */
export async function namesBeside(path: string): Promise<readonly string[]> {
  const folder = isOpfsPath(path) ? await openOpfsFolder(splitOpfsPath(path).folder).catch(() => undefined) : undefined
  return folder?.files ?? []
}

async function isFilePath(path: string): Promise<boolean> {
  try {
    await opfsFile(path)
    return true
  } catch (cause) {
    if (nameOf(cause) === 'TypeMismatchError' || splitOpfsPath(path).name === '') return false
    throw opfsError(path, cause)
  }
}

/** A folder of a snapshot: files by their names in the repository, with the content among its blobs. */
function snapshotFolder(name: string, within: string, blobs: ReadonlyMap<string, string>): Folder {
  const names = [...blobs.keys()].filter((path) => path.startsWith(within)).map((path) => path.slice(within.length))
  return {
    name,
    files: names.filter((file) => !file.includes('/')).sort(),
    async open(file) {
      const blob = blobs.get(within + file)
      if (blob !== undefined) return openOpfsFile(blob, `${name}/${file}`)
      throw new CheckpointError('not-found', `There is no file ${name}/${file}.`, { file: `${name}/${file}` })
    },
  }
}

function noPath(path: string): CheckpointError {
  return new CheckpointError('not-found', `${quoted(path)} names no model that a page can open.`, {
    file: path,
    remedy:
      'Name one of the Hub (hf:owner/name), the address of a file, or a path in the storage of the site (opfs:/…).',
  })
}
