import { CheckpointError, throwIfAborted } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { Folder } from './folder.ts'
import { checkRange } from './range.ts'

/** A file that somebody has handed over, by the name that it has beside others. */
export interface NamedBlob {
  readonly name: string
  readonly blob: Blob
}

/** A Blob or File, which lies wherever the browser keeps it: only what is read comes into memory. */
export class BlobSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #blob: Blob

  constructor({ name, blob }: NamedBlob) {
    this.name = name
    this.size = blob.size
    this.#blob = blob
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    checkRange(this, offset, target.length)
    try {
      target.set(new Uint8Array(await this.#blob.slice(offset, offset + target.length).arrayBuffer()))
    } catch (cause) {
      // A File is a promise of the file as it was when it was chosen.
      throw new CheckpointError('read-failed', `${this.name} cannot be read: it may have been changed or moved.`, {
        file: this.name,
        remedy: 'Choose the file again.',
        cause,
      })
    }
    throwIfAborted(signal)
  }

  async close(): Promise<void> {}
}

/** Files that somebody has handed over, as the folder that they come from. */
export class BlobFolder implements Folder {
  readonly name: string
  readonly files: readonly string[]
  readonly #blobs: readonly NamedBlob[]

  constructor(name: string, blobs: readonly NamedBlob[]) {
    this.name = name
    this.files = blobs.map(({ name }) => name).sort()
    this.#blobs = blobs
  }

  async open(file: string): Promise<ByteSource> {
    const blob = this.#blobs.find(({ name }) => name === file)
    if (blob) return new BlobSource(blob)
    throw new CheckpointError('not-found', `There is no file ${file} among ${this.name}.`, { file })
  }
}
