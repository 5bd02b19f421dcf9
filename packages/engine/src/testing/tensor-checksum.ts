import { newChecksum } from '#hub/checksum'
import type { Checkpoint } from '../weights/checkpoint.ts'

/** SHA-256 of the content of all tensors, one after another; closes the checkpoint. */
export async function tensorChecksum(checkpoint: Checkpoint): Promise<string> {
  const hash = await newChecksum('sha256')
  for (const { source, offset, byteLength } of checkpoint.tensors.values()) {
    const bytes = new Uint8Array(byteLength)
    await source.read(offset, bytes)
    hash.update(bytes)
  }
  await checkpoint.close()
  return hash.digest()
}
