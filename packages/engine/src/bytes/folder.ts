import type { ByteSource } from './byte-source.ts'

/** The files of one folder, wherever it lies. Folders below it are not looked into. */
export interface Folder {
  /** Shown in messages: a path or URL. */
  readonly name: string
  /** The names of the files in it, sorted. */
  readonly files: readonly string[]
  /** Opens one of `files`. @throws CheckpointError as `openFile` does. */
  open(file: string): Promise<ByteSource>
}
