import { CheckpointError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'

/** @throws CheckpointError `truncated` when `length` bytes from `offset` on do not lie inside the source. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= source.size) return
  throw new CheckpointError(
    'truncated',
    `${source.name} has ${source.size} bytes, but ${length} bytes from byte ${offset} on are needed.`,
    { file: source.name, remedy: 'The file is probably incomplete; download or copy it again.' },
  )
}
