import { TokenizerError } from '../errors.ts'
import type { Int32List } from './int32-list.ts'
import type { Merges } from './merges.ts'
import { wordTooLong } from './pre-tokenizer.ts'
import { writeUtf8 } from './utf8.ts'
import type { Vocabulary } from './vocabulary.ts'
import { LONGEST_WORD, WordEncoder } from './word-encoder.ts'
import { WholeWords, type WordModel } from './word-model.ts'

export interface ByteLevelOptions {
  /** The file, for messages. */
  readonly file: string
  readonly special: Iterable<number>
  /** A word that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean
  /** Stands for bytes without a token. */
  readonly unknown: number | undefined
}

/** Byte pair encoding over bytes, as in GPT-2 and most models since. */
export class ByteLevelWords implements WordModel {
  readonly #file: string
  readonly #vocabulary: Vocabulary
  readonly #merging: WordEncoder
  /** The token of every byte, or -1. */
  readonly #byteIds: Int32Array
  readonly #whole: WholeWords
  /** The word at hand in UTF-8, and its tokens; a longer word than these have room for gets memory of its own. */
  readonly #word = new Uint8Array(1024)
  readonly #ids = new Int32Array(1024)

  /** @throws TokenizerError when there is no token for a byte that is common in text. */
  constructor(vocabulary: Vocabulary, merges: Merges, options: ByteLevelOptions) {
    const { file, special, ignoresMerges, unknown } = options
    this.#vocabulary = vocabulary
    this.#merging = new WordEncoder(merges)
    this.#byteIds = byteIds(vocabulary, unknown, file)
    this.#file = file
    this.#whole = new WholeWords(vocabulary.size, special, ignoresMerges)
  }

  encode(text: string, start: number, end: number, result: Int32List): void {
    const room = 3 * (end - start)
    const word = room > this.#word.length ? new Uint8Array(room) : this.#word
    const length = writeUtf8(text, start, end, word)
    if (length > LONGEST_WORD) throw wordTooLong()
    const id = this.#vocabulary.find(word, 0, length)
    if (this.#whole.has(id)) {
      result.push(id)
      return
    }
    const ids = length > this.#ids.length ? new Int32Array(length) : this.#ids
    for (let i = 0; i < length; i++) {
      const byte = word[i] ?? 0
      const byteId = this.#byteIds[byte] ?? -1
      if (byteId < 0) throw withoutToken(byte, this.#file)
      ids[i] = byteId
    }
    const before = result.length
    this.#merging.encode(ids, length, result)
    this.#whole.learn(id, result.length === before + 1)
  }
}

/**
 * Some vocabularies lack bytes that were not in the text they were made from: control characters, and what only begins
 * characters that are not assigned yet.
 */
function byteIds(vocabulary: Vocabulary, unknown: number | undefined, file: string): Int32Array {
  const ids = Int32Array.from({ length: 256 }, (_, byte) => vocabulary.find(Uint8Array.of(byte), 0, 1))
  const missing = ids.findIndex((id, byte) => id < 0 && isCommon(byte))
  if (missing >= 0) throw new TokenizerError('invalid-tokenizer', messageFor(missing, file), { file })
  return ids.map((id) => (id < 0 ? (unknown ?? -1) : id))
}

function isCommon(byte: number): boolean {
  return byte >= 0x20 ? byte !== 0xc0 && byte !== 0xc1 && byte < 0xf1 && byte !== 0x7f : byte === 0x09 || byte === 0x0a
}

function withoutToken(byte: number, file: string): TokenizerError {
  return new TokenizerError('invalid-option', messageFor(byte, file), {
    file,
    remedy: 'Leave that character out of the text.',
  })
}

function messageFor(byte: number, file: string): string {
  return `${file} is a byte-level tokenizer without a token for the byte ${byte.toString(16).padStart(2, '0')}.`
}
