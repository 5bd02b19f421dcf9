import type { Int32List } from './int32-list.ts'

/** How one word becomes tokens, once text is normalised and cut into words. */
export interface WordModel {
  /**
   * Appends the tokens of `text[start..end)`, which is well-formed.
   * @throws TokenizerError `invalid-option` when the word is tens of millions of characters long.
   */
  encode(text: string, start: number, end: number, result: Int32List): void
}

/** What is known of a token as a word: nothing yet, that it encodes to itself alone, or that it does not. */
const UNKNOWN = 0
const WHOLE = 1
const NOT_WHOLE = 2

/**
 * Which tokens, met as a word, encode to themselves alone. Most words of a text do: to remember it skips most of the
 * merging.
 */
export class WholeWords {
  readonly #known: Uint8Array
  readonly #ignoresMerges: boolean

  /**
   * @param special tokens that no text encodes to, even where it looks like them.
   * @param ignoresMerges a word that is a token is that token, whatever the merges say.
   */
  constructor(size: number, special: Iterable<number>, ignoresMerges: boolean) {
    this.#known = new Uint8Array(size)
    this.#ignoresMerges = ignoresMerges
    for (const id of special) this.#known[id] = NOT_WHOLE
  }

  /** Whether the word that is token `id`, or -1, is known to encode to that alone. */
  has(id: number): boolean {
    if (id < 0) return false
    const known = this.#known[id]
    return known === WHOLE || (this.#ignoresMerges && known === UNKNOWN)
  }

  /** Remembers whether the word that is token `id`, or -1, was encoded as that alone. */
  learn(id: number, isWhole: boolean): void {
    if (id >= 0 && this.#known[id] === UNKNOWN) this.#known[id] = isWhole ? WHOLE : NOT_WHOLE
  }
}
