import { createSHA1, createSHA256 } from 'hash-wasm'

/** A checksum of what is given piece by piece. The browser's own `crypto.subtle` wants all of it at once. */
export interface Checksum {
  update(bytes: Uint8Array | string): unknown
  digest(encoding: 'hex'): string
}

export async function newChecksum(algorithm: 'sha1' | 'sha256'): Promise<Checksum> {
  return (await (algorithm === 'sha1' ? createSHA1() : createSHA256())).init()
}
