import { TokenizerError } from '../errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30

export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_ARRAY = 0x5b
export const CLOSE_ARRAY = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d

/**
 * Reads JSON from bytes, forward, without making JavaScript strings of it. What it skips is checked only for strings and
 * brackets that end. All that fails throws a TokenizerError with the place in the file.
 */
export class JsonCursor {
  at: number
  /** The string read last is `text[textStart..textEnd)`: the file itself or, where it had escapes, bytes of its own. */
  text: Uint8Array
  textStart = 0
  textEnd = 0
  readonly #bytes: Uint8Array
  readonly #file: string

  constructor(bytes: Uint8Array, at: number, file: string) {
    this.#bytes = bytes
    this.text = bytes
    this.at = at
    this.#file = file
  }

  /** @throws TokenizerError, always. */
  fail(why: string, at = this.at): never {
    throw new TokenizerError('invalid-tokenizer', `${this.#file} is not a tokenizer.json: ${why} (at byte ${at}).`, {
      file: this.#file,
      remedy: 'Download the file again.',
    })
  }

  skipSpace(): void {
    const bytes = this.#bytes
    let at = this.at
    for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at++
    this.at = at
  }

  /** Whether this byte is next, white space aside. */
  peeks(byte: number): boolean {
    this.skipSpace()
    return this.#bytes[this.at] === byte
  }

  /** Whether this byte was next, white space aside, and is now behind. */
  skips(byte: number): boolean {
    if (!this.peeks(byte)) return false
    this.at++
    return true
  }

  expect(byte: number): void {
    if (!this.skips(byte)) this.fail(`"${String.fromCharCode(byte)}" is missing`, this.at)
  }

  readInteger(): number {
    this.skipSpace()
    const start = this.at
    let value = 0
    let at = start
    for (let digit = (this.#bytes[at] ?? 0) - ZERO; digit >= 0 && digit <= 9; digit = (this.#bytes[at] ?? 0) - ZERO) {
      value = 10 * value + digit
      at++
    }
    if (at === start) this.fail('an id is missing', start)
    this.at = at
    return value
  }

  readString(): void {
    this.expect(QUOTE)
    const start = this.at
    const plain = this.#skipString()
    this.text = this.#bytes
    this.textStart = start
    this.textEnd = this.at - 1
    if (plain) return
    const text = unescaped(this.#bytes, start, this.textEnd)
    if (text === undefined) this.fail('a string has an escape that does not exist', start)
    this.text = text
    this.textStart = 0
    this.textEnd = text.length
  }

  skipValue(): void {
    this.skipSpace()
    const bytes = this.#bytes
    let depth = 0
    let at = this.at
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      // A number or word ends before what follows it; a string, array or object with its last byte.
      if (depth === 0 && (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) break
      if (byte === QUOTE) {
        for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth++
        continue
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth--
      } else {
        continue
      }
      if (depth > 0) continue
      at++
      break
    }
    this.at = at
    if (at >= bytes.length) this.fail('it ends too early', at)
  }

  /** Goes behind the closing quote. Returns whether there was no escape. */
  #skipString(): boolean {
    const bytes = this.#bytes
    let plain = true
    for (let at = this.at; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === QUOTE) {
        this.at = at + 1
        return plain
      }
      if (byte === BACKSLASH) {
        plain = false
        at++
      }
    }
    this.fail('it ends within a string', bytes.length)
  }
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })
const ENCODER = new TextEncoder()

/** The text of a JSON string with escapes, in UTF-8; `undefined` where an escape is none of JSON's. */
function unescaped(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  try {
    return ENCODER.encode(JSON.parse(DECODER.decode(bytes.subarray(start - 1, end + 1))))
  } catch {
    return undefined
  }
}
