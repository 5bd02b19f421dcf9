const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/

/** The byte that a token written `<0xE2>` stands for, if it is one. */
export function byteOfToken(text: string): number | undefined {
  const digits = BYTE_TOKEN.exec(text)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

/** Collects the tokens of the 256 bytes. */
export class ByteTokens {
  readonly #ids = new Int32Array(256).fill(-1)

  add(byte: number, id: number): void {
    this.#ids[byte] = id
  }

  /** The token of every byte; `undefined` where one is missing: then there is no spelling in bytes at all. */
  ids(): Int32Array | undefined {
    return this.#ids.includes(-1) ? undefined : this.#ids
  }
}
