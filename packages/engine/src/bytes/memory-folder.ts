import { CheckpointError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { Folder } from './folder.ts'
import { MemorySource } from './memory-source.ts'

/** A folder whose files are in memory already. */
export class MemoryFolder implements Folder {
  readonly name: string
  readonly files: readonly string[]
  readonly #contents: ReadonlyMap<string, Uint8Array>

  constructor(name: string, contents: ReadonlyMap<string, Uint8Array>) {
    this.name = name
    this.files = [...contents.keys()].sort()
    this.#contents = contents
  }

  async open(file: string): Promise<ByteSource> {
    const path = `${this.name}/${file}`
    const bytes = this.#contents.get(file)
    if (bytes) return new MemorySource(path, bytes)
    throw new CheckpointError('not-found', `There is no file ${path}.`, { file: path })
  }
}
