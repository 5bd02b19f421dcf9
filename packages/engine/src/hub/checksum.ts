import { createHash } from 'node:crypto'

/** A checksum of what is given piece by piece. */
export interface Checksum {
  update(bytes: Uint8Array | string): unknown
  digest(encoding: 'hex'): string
}

export async function newChecksum(algorithm: 'sha1' | 'sha256'): Promise<Checksum> {
  return createHash(algorithm)
}
