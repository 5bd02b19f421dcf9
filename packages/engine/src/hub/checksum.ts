import { createHash } from 'node:crypto'

/** A checksum of what is given piece by piece. */
export interface Checksum {
  update(bytes: Uint8Array): void
  /** In hexadecimal. Nothing comes after it. */
  digest(): Promise<string>
}

export async function newChecksum(algorithm: 'sha1' | 'sha256'): Promise<Checksum> {
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest('hex') }
}
