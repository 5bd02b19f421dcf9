import { type AddedToken, AddedTokens } from './added-tokens.ts'
import { Int32List } from './int32-list.ts'
import type { PreTokenizer } from './pre-tokenizer.ts'
import type { DecodeOptions, EncodeOptions, Tokenizer } from './tokenizer.ts'
import type { Vocabulary } from './vocabulary.ts'
import type { WordModel } from './word-model.ts'

/** What a tokenizer consists of, from whatever file. */
export interface BpeParts {
  readonly vocabulary: Vocabulary
  readonly words: WordModel
  readonly preTokenizer: PreTokenizer
  readonly added: readonly AddedToken[]
  /** What is done to text first (to Unicode's form NFC, say). */
  readonly normalize: (text: string) => string
  readonly stripsSpace: boolean
  readonly beginning: number | undefined
  readonly ends: ReadonlySet<number>
  readonly specialTokens: ReadonlyMap<string, string>
}

/**
 * Byte pair encoding: text is cut at added tokens, normalised, cut into words, and the bytes or characters of every
 * word are merged (`words`).
 */
export class BpeTokenizer implements Tokenizer {
  readonly size: number
  readonly stripsSpace: boolean
  readonly beginning: number | undefined
  readonly ends: ReadonlySet<number>
  readonly specialTokens: ReadonlyMap<string, string>
  readonly #vocabulary: Vocabulary
  readonly #words: WordModel
  readonly #preTokenizer: PreTokenizer
  readonly #normalize: (text: string) => string
  readonly #added: AddedTokens
  readonly #addedNormalized: AddedTokens
  readonly #addedIds: ReadonlyMap<string, number>
  readonly #special: ReadonlySet<number>

  constructor(parts: BpeParts) {
    this.size = parts.vocabulary.size
    this.stripsSpace = parts.stripsSpace
    this.beginning = parts.beginning
    this.ends = parts.ends
    this.specialTokens = parts.specialTokens
    this.#vocabulary = parts.vocabulary
    this.#words = parts.words
    this.#preTokenizer = parts.preTokenizer
    this.#normalize = parts.normalize
    this.#added = new AddedTokens(parts.added.filter(({ normalized }) => normalized === undefined))
    this.#addedNormalized = new AddedTokens(
      parts.added.flatMap((token) => (token.normalized === undefined ? [] : { ...token, text: token.normalized })),
    )
    this.#addedIds = new Map(parts.added.map(({ text, id }) => [text, id]))
    this.#special = new Set(parts.added.filter(({ special }) => special).map(({ id }) => id))
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { special = true, beginning = false } = options
    const result = new Int32List(16 + (text.length >> 2))
    if (beginning && this.beginning !== undefined) result.push(this.beginning)
    const push = (id: number): void => result.push(id)
    const encodeWord = (words: string, start: number, end: number): void =>
      this.#words.encode(words, start, end, result)
    const encodePiece = (piece: string, offset: number): void => {
      this.#addedNormalized.split(
        this.#normalize(piece),
        special,
        (words, start) => this.#preTokenizer.forEachWord(words, offset === 0 && start === 0, encodeWord),
        push,
      )
    }
    this.#added.split(text.toWellFormed(), special, encodePiece, push)
    return result.toArray()
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const { special = true, continues = false } = options
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
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    return this.stripsSpace && !continues && text.startsWith(' ') ? text.slice(1) : text
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
}
