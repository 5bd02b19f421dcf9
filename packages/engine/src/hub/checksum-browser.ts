import { createSHA256 } from 'hash-wasm'
import { hexOf } from '../bytes/hex.ts'
import { DownloadError } from '../errors.ts'

/** The Hub keeps larger files by their SHA-256: it takes at most 10 MB under git's own. */
const LONGEST_SMALL_FILE = 128 << 20

/** A checksum of what is given piece by piece. */
export interface Checksum {
  update(bytes: Uint8Array): void
  /** In hexadecimal. Nothing comes after it. */
  digest(): Promise<string>
}

/** The browser's own `crypto.subtle` wants all of it at once: good enough for small files, which are those with a SHA-1. */
export async function newChecksum(algorithm: 'sha1' | 'sha256'): Promise<Checksum> {
  if (algorithm === 'sha1') return new SmallFileChecksum()
  const hash = (await createSHA256()).init()
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest('hex') }
}

class SmallFileChecksum implements Checksum {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = []
  #length = 0

  update(bytes: Uint8Array): void {
    this.#length += bytes.length
    if (this.#length > LONGEST_SMALL_FILE)
      throw new DownloadError('download-failed', 'A file without SHA-256 is too long.')
    this.#pieces.push(bytes.slice())
  }

  async digest(): Promise<string> {
    const content = await new Blob(this.#pieces).arrayBuffer()
    return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-1', content)))
  }
}
