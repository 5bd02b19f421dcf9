import type { ByteSource } from './byte-source.ts'
import { openFile } from './file-source.ts'
import type { Folder } from './folder.ts'
import { systemError } from './system-error.ts'

/** Lists a folder on disk (Node, Deno, Bun). @throws CheckpointError `not-found` or `read-failed` */
export async function openFolder(path: string): Promise<Folder> {
  const { readdir } = await import('node:fs/promises')
  const { join } = await import('node:path')
  try {
    const entries = await readdir(path, { withFileTypes: true })
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name)
    return { name: path, files: files.sort(), open: (file: string): Promise<ByteSource> => openFile(join(path, file)) }
  } catch (cause) {
    throw systemError(path, cause)
  }
}
