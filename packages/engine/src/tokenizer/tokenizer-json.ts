import { TokenizerError } from '../errors.ts'
import type { JsonObject } from '../weights/checkpoint.ts'
import { parseJsonObject } from '../weights/json.ts'
import { decodeByteAlphabet } from './byte-alphabet.ts'
import { type ByteTokens, byteOfToken } from './byte-tokens.ts'
import { CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, JsonCursor, OPEN_ARRAY, OPEN_OBJECT } from './json-cursor.ts'
import type { Merges } from './merges.ts'
import { MergesBuilder } from './merges.ts'
import { type DecodeToken, type Vocabulary, VocabularyBuilder } from './vocabulary.ts'

const LESS_THAN = 0x3c
const BYTE_TOKEN_LENGTH = 6
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
  /** Where a pre_tokenizer before the model makes it likely that tokens are in the byte alphabet: read at once. */
  #vocabulary: VocabularyBuilder | undefined
  #expectsBytes = false
  #merges: Range | undefined

  /** @throws TokenizerError when the bytes are not JSON, or are no object. */
  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes
    this.#file = file
    this.#locate()
    this.rest = this.#parseRest()
  }

  /**
   * `model.vocab`, as ordinary tokens.
   * @param decode how they are written.
   * @param byteTokens gets the tokens that are written `<0xE2>`, which then stand for that byte.
   * @throws TokenizerError when there is none.
   */
  readVocabulary(decode: DecodeToken, byteTokens?: ByteTokens): VocabularyBuilder {
    if (this.#vocabulary !== undefined && decode === decodeByteAlphabet) return this.#vocabulary
    const { start } = this.#vocab ?? this.#fail('it has no model.vocab')
    const cursor = new JsonCursor(this.#bytes, start, this.#file)
    return this.#readVocabulary(cursor, decode, byteTokens)
  }

  /**
   * `model.merges`: pairs, or strings with a space between the two, as older files have.
   * @throws TokenizerError when it is neither, or has a merge of tokens that the vocabulary lacks.
   */
  readMerges(vocabulary: Vocabulary, decode: DecodeToken): Merges {
    const builder = new MergesBuilder(vocabulary, decode, this.#file)
    const { start } = this.#merges ?? this.#fail('it has no model.merges')
    const cursor = new JsonCursor(this.#bytes, start, this.#file)
    cursor.expect(OPEN_ARRAY)
    if (cursor.skips(CLOSE_ARRAY)) return builder.build()
    do {
      if (cursor.skips(OPEN_ARRAY)) {
        cursor.readString()
        builder.addLeft(cursor.text, cursor.textStart, cursor.textEnd)
        cursor.expect(COMMA)
        cursor.readString()
        builder.addRight(cursor.text, cursor.textStart, cursor.textEnd)
        cursor.expect(CLOSE_ARRAY)
      } else {
        cursor.readString()
        builder.addJoined(cursor.text, cursor.textStart, cursor.textEnd)
      }
    } while (cursor.skips(COMMA))
    cursor.expect(CLOSE_ARRAY)
    return builder.build()
  }

  #locate(): void {
    const cursor = new JsonCursor(this.#bytes, 0, this.#file)
    this.#eachMember(cursor, (key) => {
      const place = cursor.at
      if (key !== 'model' || !cursor.peeks(OPEN_OBJECT)) {
        cursor.skipValue()
        if (key === 'pre_tokenizer') this.#expectsBytes = this.#textOf(place, cursor.at).includes('"ByteLevel"')
        return
      }
      this.#eachMember(cursor, (part) => {
        cursor.skipSpace()
        const start = cursor.at
        if (part === 'vocab' && this.#expectsBytes && cursor.peeks(OPEN_OBJECT)) {
          this.#vocabulary = this.#readVocabulary(cursor, decodeByteAlphabet)
        } else {
          cursor.skipValue()
        }
        if (part === 'vocab') this.#vocab = { start, end: cursor.at }
        if (part === 'merges') this.#merges = { start, end: cursor.at }
      })
    })
  }

  #readVocabulary(cursor: JsonCursor, decode: DecodeToken, byteTokens?: ByteTokens): VocabularyBuilder {
    const builder = new VocabularyBuilder(this.#file, this.#bytes.length >> 3, decode)
    cursor.expect(OPEN_OBJECT)
    if (cursor.skips(CLOSE_OBJECT)) return builder
    do {
      cursor.readString()
      cursor.expect(COLON)
      const id = cursor.readInteger()
      const byte = byteTokens === undefined ? undefined : byteOf(cursor)
      if (byte === undefined) builder.addEncoded(id, cursor.text, cursor.textStart, cursor.textEnd)
      else builder.addText(id, Uint8Array.of(byte), false)
      if (byte !== undefined) byteTokens?.add(byte, id)
    } while (cursor.skips(COMMA))
    cursor.expect(CLOSE_OBJECT)
    return builder
  }

  #eachMember(cursor: JsonCursor, visit: (key: string) => void): void {
    cursor.expect(OPEN_OBJECT)
    if (cursor.skips(CLOSE_OBJECT)) return
    do {
      cursor.readString()
      const name = new TextDecoder().decode(cursor.text.subarray(cursor.textStart, cursor.textEnd))
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

  #textOf(start: number, end: number): string {
    return new TextDecoder().decode(this.#bytes.subarray(start, end))
  }

  #fail(why: string): never {
    return new JsonCursor(this.#bytes, 0, this.#file).fail(why)
  }
}

/** The byte that the string read last, `<0xE2>`, is the token of. */
function byteOf({ text, textStart, textEnd }: JsonCursor): number | undefined {
  // Most tokens are not even looked at.
  if (textEnd - textStart !== BYTE_TOKEN_LENGTH || text[textStart] !== LESS_THAN) return undefined
  return byteOfToken(new TextDecoder().decode(text.subarray(textStart, textEnd)))
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
