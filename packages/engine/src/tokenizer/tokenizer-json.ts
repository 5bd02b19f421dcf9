import { TokenizerError } from '../errors.ts'
import type { JsonObject } from '../weights/checkpoint.ts'
import { parseJsonObject } from '../weights/json.ts'
import type { Merges } from './merges.ts'
import { MergesBuilder } from './merges.ts'
import { type Vocabulary, VocabularyBuilder } from './vocabulary.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const NULL = new TextEncoder().encode('null')

/** Part of the file, from its first byte to the one after its last. */
interface Range {
  readonly start: number
  readonly end: number
}

/**
 * A tokenizer.json whose two large members, `model.vocab` and `model.merges`, are read straight from the bytes into
 * flat arrays. JSON.parse would make half a million strings of them, only to be looked at once. All else is small and
 * goes through JSON.parse, with null in the place of those two.
 */
export class TokenizerJson {
  /** The file without `model.vocab` and `model.merges`. */
  readonly rest: JsonObject
  readonly #bytes: Uint8Array
  readonly #file: string
  #vocab: Range | undefined
  #merges: Range | undefined

  /** @throws TokenizerError when the bytes are not JSON, or are no object. */
  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes
    this.#file = file
    this.#locate()
    this.rest = this.#parseRest()
  }

  /** `model.vocab` into a builder, as ordinary tokens. @throws TokenizerError when it is not an object of ids. */
  readVocabulary(): VocabularyBuilder {
    const { start, end } = this.#vocab ?? this.#fail('it has no model.vocab', 0)
    const builder = new VocabularyBuilder(this.#file, (end - start) >> 1)
    const cursor = new Cursor(this.#bytes, start, this.#file)
    cursor.expect(OPEN_OBJECT)
    if (cursor.skips(CLOSE_OBJECT)) return builder
    do {
      const text = cursor.string()
      cursor.expect(COLON)
      const id = cursor.integer()
      builder.addEncoded(id, text.bytes, text.start, text.end)
    } while (cursor.skips(COMMA))
    cursor.expect(CLOSE_OBJECT)
    return builder
  }

  /**
   * `model.merges`: pairs, or strings with a space between the two, as older files have.
   * @throws TokenizerError when it is neither, or has a merge of tokens that the vocabulary lacks.
   */
  readMerges(vocabulary: Vocabulary): Merges {
    const builder = new MergesBuilder(vocabulary, this.#file)
    const { start } = this.#merges ?? this.#fail('it has no model.merges', 0)
    const cursor = new Cursor(this.#bytes, start, this.#file)
    cursor.expect(OPEN_ARRAY)
    if (cursor.skips(CLOSE_ARRAY)) return builder.build()
    do {
      if (cursor.skips(OPEN_ARRAY)) {
        const left = cursor.string()
        cursor.expect(COMMA)
        const right = cursor.string()
        cursor.expect(CLOSE_ARRAY)
        builder.add(left.bytes, left.start, left.end, right.bytes, right.start, right.end)
      } else {
        const both = cursor.string()
        builder.addJoined(both.bytes, both.start, both.end)
      }
    } while (cursor.skips(COMMA))
    cursor.expect(CLOSE_ARRAY)
    return builder.build()
  }

  #locate(): void {
    const cursor = new Cursor(this.#bytes, 0, this.#file)
    this.#eachMember(cursor, (key) => {
      if (key !== 'model' || !cursor.peeks(OPEN_OBJECT)) return cursor.skipValue()
      this.#eachMember(cursor, (part) => {
        cursor.skipSpace()
        const start = cursor.at
        cursor.skipValue()
        if (part === 'vocab') this.#vocab = { start, end: cursor.at }
        if (part === 'merges') this.#merges = { start, end: cursor.at }
      })
    })
  }

  #eachMember(cursor: Cursor, visit: (key: string) => void): void {
    cursor.expect(OPEN_OBJECT)
    if (cursor.skips(CLOSE_OBJECT)) return
    do {
      const key = cursor.string()
      const name = new TextDecoder().decode(key.bytes.subarray(key.start, key.end))
      cursor.expect(COLON)
      visit(name)
    } while (cursor.skips(COMMA))
    cursor.expect(CLOSE_OBJECT)
  }

  #parseRest(): JsonObject {
    const holes = [this.#vocab, this.#merges].filter((range) => range !== undefined).sort((a, b) => a.start - b.start)
    const parts: Uint8Array[] = []
    let done = 0
    for (const { start, end } of holes) {
      parts.push(this.#bytes.subarray(done, start), NULL)
      done = end
    }
    parts.push(this.#bytes.subarray(done))
    try {
      return parseJsonObject(concatenated(parts), this.#file, 'tokenizer.json')
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : `${this.#file} is not JSON.`
      throw new TokenizerError('invalid-tokenizer', message, { file: this.#file, cause })
    }
  }

  #fail(why: string, at: number): never {
    throw broken(this.#file, why, at)
  }
}

function broken(file: string, why: string, at: number): TokenizerError {
  return new TokenizerError('invalid-tokenizer', `${file} is not a tokenizer.json: ${why} (at byte ${at}).`, {
    file,
    remedy: 'Download the file again.',
  })
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}

/** A string's UTF-8 text, in the file itself or, where it had escapes, in a buffer of its own. */
interface StringRange extends Range {
  readonly bytes: Uint8Array
}

/** Reads JSON from bytes, forward. What it skips is checked only for strings and brackets that end. */
class Cursor {
  at: number
  readonly #bytes: Uint8Array
  readonly #file: string

  constructor(bytes: Uint8Array, at: number, file: string) {
    this.#bytes = bytes
    this.at = at
    this.#file = file
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
    if (!this.skips(byte)) throw broken(this.#file, `"${String.fromCharCode(byte)}" is missing`, this.at)
  }

  integer(): number {
    this.skipSpace()
    const start = this.at
    let value = 0
    for (let digit = this.#digit(); digit >= 0; digit = this.#digit()) {
      value = 10 * value + digit
      this.at++
    }
    if (this.at === start) throw broken(this.#file, 'an id is missing', this.at)
    return value
  }

  string(): StringRange {
    this.expect(QUOTE)
    const start = this.at
    const plain = this.#skipString()
    const end = this.at - 1
    if (plain) return { bytes: this.#bytes, start, end }
    const text = unescaped(this.#bytes, start, end)
    if (text === undefined) throw broken(this.#file, 'a string has an escape that does not exist', start)
    return { bytes: text, start: 0, end: text.length }
  }

  skipValue(): void {
    this.skipSpace()
    const bytes = this.#bytes
    let depth = 0
    while (this.at < bytes.length) {
      const byte = bytes[this.at] ?? 0
      // A number or word ends before what follows it; a string, array or object with its last byte.
      if (depth === 0 && (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) return
      this.at++
      if (byte === QUOTE) this.#skipString()
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--
      else continue
      if (depth === 0) return
    }
    throw broken(this.#file, 'it ends too early', this.at)
  }

  #digit(): number {
    const byte = this.#bytes[this.at] ?? 0
    return byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : -1
  }

  /** Goes behind the closing quote. Returns whether there was no escape. */
  #skipString(): boolean {
    const bytes = this.#bytes
    const length = bytes.length
    let plain = true
    for (let at = this.at; at < length; at++) {
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
    throw broken(this.#file, 'it ends within a string', length)
  }
}

/** The character that stands for itself or a control character after a backslash. */
const ESCAPES = new Map([...'"\\/bfnrt'].map((letter, i) => [letter.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(i)]))

/** The text of a JSON string with escapes, in UTF-8; `undefined` where an escape is none of JSON's. */
function unescaped(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  let text = ''
  let done = start
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) continue
    text += decoder.decode(bytes.subarray(done, at))
    const letter = bytes[at + 1] ?? 0
    const hex = letter === 0x75 ? decoder.decode(bytes.subarray(at + 2, Math.min(end, at + 6))) : ''
    const code = /^[\da-fA-F]{4}$/.test(hex) ? Number.parseInt(hex, 16) : ESCAPES.get(letter)
    if (code === undefined) return undefined
    text += String.fromCharCode(code)
    at += hex === '' ? 1 : 5
    done = at + 1
  }
  return new TextEncoder().encode(text + decoder.decode(bytes.subarray(done, end)))
}
