import { CheckpointError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'

/** @throws CheckpointError `not-found`: pages open no files by their paths */
export async function openFile(path: string): Promise<ByteSource> {
  throw new CheckpointError('not-found', `A page cannot open the file ${path} by its path.`, {
    file: path,
    remedy: 'Give the file itself, as a File or Blob.',
  })
}
