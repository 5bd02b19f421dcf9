import { TokenizerError } from '../errors.ts'
import { decodeEscapedSpaces, ESCAPED_SPACE } from './escaped-spaces.ts'
import type { Int32List } from './int32-list.ts'
import { Merges } from './merges.ts'
import { wordTooLong } from './pre-tokenizer.ts'
import { ScoreEncoder } from './score-encoder.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'
import type { Vocabulary } from './vocabulary.ts'
import { LONGEST_WORD, WordEncoder } from './word-encoder.ts'
import { WholeWords, type WordModel } from './word-model.ts'

const SPACE = 0x20

export interface CharacterOptions {
  /** The file, for messages. */
  readonly file: string
  readonly special: Iterable<number>
  readonly ignoresMerges: boolean
  /** The tokens of the 256 bytes, `<0x00>` to `<0xFF>`, for characters that are no tokens. */
  readonly byteIds: Int32Array | undefined
  /** Stands for a character that is no token where there are no tokens of bytes. */
  readonly unknown: number | undefined
  /** Several unknown characters in a row are one unknown token. */
  readonly fusesUnknown: boolean
}

/**
 * Byte pair encoding over characters, as in SentencePiece (Llama 2, Mistral, Gemma): a space is a letter like others,
 * written U+2581; a character that is no token is spelt in tokens of its bytes. Which pair merges first is either
 * listed (`Merges`, as in tokenizer.json) or follows from the scores of the tokens (ranks by id, lower first).
 */
export class CharacterWords implements WordModel {
  readonly #vocabulary: Vocabulary
  readonly #merging: WordEncoder | ScoreEncoder
  readonly #options: CharacterOptions
  readonly #whole: WholeWords
  /** Characters before which no word may be cut: some token goes on with a space after them. Absent: cut nowhere. */
  readonly #joining: ReadonlySet<number> | undefined
  readonly #word = new Uint8Array(1024)
  readonly #ids = new Int32Array(1024)

  /** @throws TokenizerError when a character that is no token could not be encoded. */
  constructor(vocabulary: Vocabulary, order: Merges | Int32Array, options: CharacterOptions) {
    if (options.byteIds === undefined && options.unknown === undefined) {
      const message = `${options.file} has neither tokens for bytes nor one for unknown characters.`
      throw new TokenizerError('invalid-tokenizer', message, { file: options.file })
    }
    this.#vocabulary = vocabulary
    this.#merging = order instanceof Merges ? new WordEncoder(order) : new ScoreEncoder(vocabulary, order)
    this.#options = options
    this.#whole = new WholeWords(vocabulary.size, options.special, options.ignoresMerges)
    this.#joining = options.ignoresMerges ? undefined : joiningCharacters(vocabulary)
  }

  /** Merges do not reach across the beginning of a run of spaces, unless a token does: there it is cut. */
  encode(text: string, start: number, end: number, result: Int32List): void {
    let done = start
    if (this.#joining !== undefined) {
      for (let i = start + 1; i < end; i++) {
        if (!isSpace(text, i) || isSpace(text, i - 1) || this.#joining.has(codePointBefore(text, i))) continue
        this.#encodePart(text, done, i, result)
        done = i
      }
    }
    if (done < end) this.#encodePart(text, done, end, result)
  }

  #encodePart(text: string, start: number, end: number, result: Int32List): void {
    const room = 3 * (end - start)
    const word = room > this.#word.length ? new Uint8Array(room) : this.#word
    const length = decodeEscapedSpaces(word, 0, writeUtf8(text, start, end, word), word, 0)
    if (length > LONGEST_WORD) throw wordTooLong()
    const id = this.#vocabulary.find(word, 0, length)
    if (this.#whole.has(id)) {
      result.push(id)
      return
    }
    const ids = length > this.#ids.length ? new Int32Array(length) : this.#ids
    const before = result.length
    if (this.#merging instanceof ScoreEncoder) {
      const unknown = (from: number, to: number) => this.#pushUnknown(word, from, to, result, before)
      this.#merging.encode(word, length, result, unknown)
    } else {
      this.#merging.encode(ids, this.#characters(word, length, ids), result)
    }
    this.#whole.learn(id, result.length === before + 1)
  }

  /** The tokens of the characters of a word, into `ids`. Returns how many there are. */
  #characters(word: Uint8Array, length: number, ids: Int32Array): number {
    const { byteIds, unknown, fusesUnknown } = this.#options
    let count = 0
    for (let i = 0, after = 0; i < length; i = after) {
      after = i + utf8Length(word[i] ?? 0)
      const id = this.#vocabulary.find(word, i, after)
      if (id >= 0) ids[count++] = id
      else if (byteIds !== undefined) for (let at = i; at < after; at++) ids[count++] = byteIds[word[at] ?? 0] ?? -1
      else if (!(fusesUnknown && count > 0 && ids[count - 1] === unknown)) ids[count++] = unknown ?? -1
    }
    return count
  }

  #pushUnknown(word: Uint8Array, start: number, end: number, result: Int32List, before: number): void {
    const { byteIds, unknown, fusesUnknown } = this.#options
    if (byteIds !== undefined) for (let at = start; at < end; at++) result.push(byteIds[word[at] ?? 0] ?? -1)
    else if (!(fusesUnknown && result.length > before && result.last === unknown)) result.push(unknown ?? -1)
  }
}

function isSpace(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === ESCAPED_SPACE
}

function codePointBefore(text: string, at: number): number {
  const code = text.codePointAt(at - 2) ?? 0
  return code > 0xffff ? code : text.charCodeAt(at - 1)
}

/**
 * The characters that some token has right before a space. Where a single space is no token, words are not cut at all:
 * it might have to join an unknown character before it.
 */
function joiningCharacters(vocabulary: Vocabulary): ReadonlySet<number> | undefined {
  if (vocabulary.find(Uint8Array.of(SPACE), 0, 1) < 0) return undefined
  const found = new Set<number>()
  for (let id = 0; id < vocabulary.size; id++) {
    const bytes = vocabulary.bytes(id)
    for (let i = bytes.indexOf(SPACE, 1); i > 0; i = bytes.indexOf(SPACE, i + 1)) {
      if (bytes[i - 1] !== SPACE) found.add(characterBefore(bytes, i))
    }
  }
  return found
}

function characterBefore(bytes: Uint8Array, end: number): number {
  let start = end - 1
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--
  return new TextDecoder().decode(bytes.subarray(start, end)).codePointAt(0) ?? 0
}
