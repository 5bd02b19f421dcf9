import { openFile } from '#bytes/file-source'
import { CheckpointError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { Folder } from './folder.ts'
import { systemError } from './system-error.ts'

/**
 * Lists a folder on disk (Node, Deno, Bun). Its files open only if they lie in it: a link that leads elsewhere could
 * make any file of the machine part of a model that came from the net. Hugging Face's cache, which links
 * `models--x/snapshots/commit/file` to `models--x/blobs/…` (and those to `blobs/…` beside), is an exception.
 * @param named a file that a person has named themselves, which may lie anywhere; not so in that cache, where it is a
 *   program that has made the link
 * @throws CheckpointError `not-found` or `read-failed`; when a file is opened, also `not-a-file`
 */
export async function openFolder(path: string, named?: string): Promise<Folder> {
  const { readdir } = await import('node:fs/promises')
  const { join } = await import('node:path')
  try {
    const entries = await readdir(path, { withFileTypes: true })
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name)
    const open = async (file: string): Promise<ByteSource> => {
      await refuseLinkOutOf(path, file, file === named)
      return openFile(join(path, file))
    }
    return { name: path, files: files.sort(), open }
  } catch (cause) {
    throw systemError(path, cause)
  }
}

async function refuseLinkOutOf(folder: string, file: string, isNamed: boolean): Promise<void> {
  const { realpath } = await import('node:fs/promises')
  const { join, sep } = await import('node:path')
  const path = join(folder, file)
  try {
    const target = await realpath(path)
    const inside = await realpath(folder)
    const cached = /^(.*)([\\/]models--[^\\/]+)[\\/]snapshots[\\/][^\\/]+/.exec(inside)
    if (isNamed && !cached) return
    const homes = cached ? [`${cached[1]}${cached[2]}${sep}blobs`, `${cached[1]}${sep}blobs`, inside] : [inside]
    if (homes.some((home) => target.startsWith(home + sep))) return
    throw new CheckpointError('not-a-file', `${path} is a link that leads out of its folder, to ${target}.`, {
      file: path,
      remedy: 'If you trust it, put the file itself in the place of the link.',
    })
  } catch (cause) {
    throw systemError(path, cause)
  }
}
