import { TokenizerError } from '../errors.ts'
import { type AddedToken, AddedTokens } from './added-tokens.ts'
import { Int32List } from './int32-list.ts'
import type { Merges } from './merges.ts'
import { type PreTokenizer, wordTooLong } from './pre-tokenizer.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { Vocabulary } from './vocabulary.ts'
import { LONGEST_WORD, WordEncoder } from './word-encoder.ts'

/** What a byte-level BPE tokenizer consists of, from whatever file. */
export interface ByteLevelBpeParts {
  /** The file, for messages. */
  readonly file: string
  readonly vocabulary: Vocabulary
  readonly merges: Merges
  readonly preTokenizer: PreTokenizer
  readonly added: readonly AddedToken[]
  /** A word that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean
  /** Bring text to Unicode's form NFC first. */
  readonly normalizes: boolean
  readonly beginning: number | undefined
  readonly ends: ReadonlySet<number>
  readonly specialTokens: ReadonlyMap<string, string>
}

/** What is known of a token as a word: nothing yet, that it encodes to itself alone, or that it does not. */
const UNKNOWN = 0
const WHOLE = 1
const NOT_WHOLE = 2

/**
 * Byte pair encoding over bytes, as in GPT-2 and most models since: text is cut at added tokens, then into words, and
 * the bytes of every word are merged. Any text can be encoded and decodes to itself (or to its NFC form).
 */
export class ByteLevelBpe implements Tokenizer {
  readonly size: number
  readonly beginning: number | undefined
  readonly ends: ReadonlySet<number>
  readonly specialTokens: ReadonlyMap<string, string>
  readonly #vocabulary: Vocabulary
  readonly #preTokenizer: PreTokenizer
  readonly #words: WordEncoder
  readonly #ignoresMerges: boolean
  readonly #normalizes: boolean
  readonly #added: AddedTokens
  readonly #addedNormalized: AddedTokens
  readonly #addedIds: ReadonlyMap<string, number>
  readonly #special: ReadonlySet<number>
  /** Most words of a text are tokens: remembering which of them encode to themselves skips most of the merging. */
  readonly #whole: Uint8Array
  /** The word at hand in UTF-8; a longer word than this has room for gets memory of its own. */
  readonly #word = new Uint8Array(1024)

  /** @throws TokenizerError when a byte that occurs in UTF-8 has no token. */
  constructor(parts: ByteLevelBpeParts) {
    this.size = parts.vocabulary.size
    this.beginning = parts.beginning
    this.ends = parts.ends
    this.specialTokens = parts.specialTokens
    this.#vocabulary = parts.vocabulary
    this.#preTokenizer = parts.preTokenizer
    this.#words = new WordEncoder(parts.merges, byteIds(parts.vocabulary, parts.file))
    this.#ignoresMerges = parts.ignoresMerges
    this.#normalizes = parts.normalizes
    this.#added = new AddedTokens(parts.added.filter((token) => !token.normalized))
    this.#addedNormalized = new AddedTokens(
      parts.added
        .filter((token) => token.normalized)
        .map((token) => (parts.normalizes ? { ...token, text: token.text.normalize('NFC') } : token)),
    )
    this.#addedIds = new Map(parts.added.map(({ text, id }) => [text, id]))
    this.#special = new Set(parts.added.filter(({ special }) => special).map(({ id }) => id))
    this.#whole = new Uint8Array(this.size)
    for (const id of this.#special) this.#whole[id] = NOT_WHOLE
  }

  encode(text: string, options: { special?: boolean; beginning?: boolean } = {}): Int32Array {
    const { special = true, beginning = false } = options
    const result = new Int32List(16 + (text.length >> 2))
    if (beginning && this.beginning !== undefined) result.push(this.beginning)
    const push = (id: number): void => result.push(id)
    const encodeWords = (piece: string): void => {
      this.#preTokenizer.forEachWord(piece, (words, start, end) => this.#encodeWord(words, start, end, result))
    }
    const encodePiece = (piece: string): void => {
      const normal = this.#normalizes ? piece.normalize('NFC') : piece
      this.#addedNormalized.split(normal, special, encodeWords, push)
    }
    this.#added.split(text.toWellFormed(), special, encodePiece, push)
    return result.toArray()
  }

  decode(ids: ArrayLike<number>, options: { special?: boolean } = {}): string {
    const { special = true } = options
    const pieces: Uint8Array[] = []
    let size = 0
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1
      if (!special && this.#special.has(id)) continue
      const piece = this.#vocabulary.bytes(id)
      pieces.push(piece)
      size += piece.length
    }
    const bytes = new Uint8Array(size)
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  }

  bytes(id: number): Uint8Array {
    return this.#vocabulary.bytes(id).slice()
  }

  idOf(token: string): number | undefined {
    const added = this.#addedIds.get(token)
    if (added !== undefined) return added
    const bytes = new TextEncoder().encode(token)
    const id = this.#vocabulary.find(bytes, 0, bytes.length)
    return id < 0 ? undefined : id
  }

  isSpecial(id: number): boolean {
    return this.#special.has(id)
  }

  #encodeWord(text: string, start: number, end: number, result: Int32List): void {
    const room = 3 * (end - start)
    const word = room > this.#word.length ? new Uint8Array(room) : this.#word
    const length = writeUtf8(text, start, end, word)
    if (length > LONGEST_WORD) throw wordTooLong()
    const id = this.#vocabulary.find(word, 0, length)
    const known = id < 0 ? NOT_WHOLE : this.#whole[id]
    if (known === WHOLE || (this.#ignoresMerges && known === UNKNOWN)) {
      result.push(id)
      return
    }
    const before = result.length
    this.#words.encode(word, length, result)
    if (known === UNKNOWN) this.#whole[id] = result.length === before + 1 ? WHOLE : NOT_WHOLE
  }
}

/** Well-formed `text[start..end)` in UTF-8, into a target with room for three bytes a unit. Returns the length. */
function writeUtf8(text: string, start: number, end: number, target: Uint8Array): number {
  let at = 0
  for (let i = start; i < end; i++) {
    const code = text.codePointAt(i) ?? 0
    if (code < 0x80) {
      target[at++] = code
    } else if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6)
      target[at++] = 0x80 | (code & 0x3f)
    } else if (code < 0x10000) {
      target[at++] = 0xe0 | (code >> 12)
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
      target[at++] = 0x80 | (code & 0x3f)
    } else {
      i++
      target[at++] = 0xf0 | (code >> 18)
      target[at++] = 0x80 | ((code >> 12) & 0x3f)
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
      target[at++] = 0x80 | (code & 0x3f)
    }
  }
  return at
}

/** C0, C1 and F5 to FF never occur in UTF-8; any other byte without a token would silently lose text. */
function byteIds(vocabulary: Vocabulary, file: string): Int32Array {
  const ids = Int32Array.from({ length: 256 }, (_, byte) => vocabulary.find(Uint8Array.of(byte), 0, 1))
  const missing = ids.findIndex((id, byte) => id < 0 && byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5)
  if (missing >= 0) {
    const hex = missing.toString(16).padStart(2, '0')
    throw new TokenizerError(
      'invalid-tokenizer',
      `${file} is a byte-level tokenizer without a token for the byte ${hex}.`,
      {
        file,
      },
    )
  }
  return ids
}
