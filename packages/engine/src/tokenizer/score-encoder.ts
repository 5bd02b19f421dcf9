import type { Int32List } from './int32-list.ts'
import { MergeQueue } from './merge-queue.ts'
import { NO_MERGE } from './merges.ts'
import { utf8Length } from './utf8.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Called with a character that is no token, as `word[start..end)`. */
export type UnknownVisitor = (start: number, end: number) => void

/**
 * Byte pair encoding by scores, as in SentencePiece: over and over, the two neighbours that together are the token of
 * the lowest rank (of equals the leftmost) become one. Unlike with a list of merges, any two neighbours will do: also
 * characters that alone are no tokens.
 */
export class ScoreEncoder {
  readonly #vocabulary: Vocabulary
  readonly #ranks: Int32Array
  #queue = new MergeQueue()
  /** By the place of its first byte: where a piece ends, where the one before it begins, its merge with the next. */
  #ends = new Int32Array(128)
  #befores = new Int32Array(128)
  #offers = new Int32Array(128)

  /** @param ranks of every token, by id: 0 for the one that is merged first. Below 2^24. */
  constructor(vocabulary: Vocabulary, ranks: Int32Array) {
    this.#vocabulary = vocabulary
    this.#ranks = ranks
  }

  /** Appends the tokens of `word[0..length)`, well-formed UTF-8, and has `visitUnknown` do it for unknown characters. */
  encode(word: Uint8Array, length: number, result: Int32List, visitUnknown: UnknownVisitor): void {
    this.#reserve(length)
    this.#cut(word, length)
    for (let at = 0; at < length; at = this.#ends[at] ?? length) this.#offer(word, at, length)
    while (this.#queue.size > 0) {
      const { rank, position: at } = this.#queue.pop()
      // A merge of a neighbour may have come first: then this one is out of date.
      if (this.#offers[at] !== rank) continue
      this.#join(at, length)
      this.#offer(word, at, length)
      if (at > 0) this.#offer(word, this.#befores[at] ?? 0, length)
    }
    for (let at = 0, end = 0; at < length; at = end) {
      end = this.#ends[at] ?? length
      const id = this.#vocabulary.find(word, at, end)
      if (id >= 0) result.push(id)
      else visitUnknown(at, end)
    }
    this.#release()
  }

  #cut(word: Uint8Array, length: number): void {
    let before = 0
    for (let at = 0; at < length; ) {
      const end = Math.min(length, at + utf8Length(word[at] ?? 0))
      this.#ends[at] = end
      this.#befores[at] = before
      before = at
      at = end
    }
  }

  /** Puts the merge of the piece at `at` with the one after it in the queue, if there is one. */
  #offer(word: Uint8Array, at: number, length: number): void {
    const middle = this.#ends[at] ?? length
    let rank = NO_MERGE
    if (middle < length) {
      const end = this.#ends[middle] ?? length
      const id = end - at > this.#vocabulary.longest ? -1 : this.#vocabulary.find(word, at, end)
      if (id >= 0) rank = this.#ranks[id] ?? NO_MERGE
    }
    this.#offers[at] = rank
    if (rank !== NO_MERGE) this.#queue.push(rank, at)
  }

  #join(at: number, length: number): void {
    const gone = this.#ends[at] ?? length
    const end = this.#ends[gone] ?? length
    this.#offers[gone] = NO_MERGE
    this.#ends[at] = end
    if (end < length) this.#befores[end] = at
  }

  #reserve(length: number): void {
    if (length <= this.#ends.length) return
    this.#ends = new Int32Array(2 * length)
    this.#befores = new Int32Array(2 * length)
    this.#offers = new Int32Array(2 * length)
  }

  /** A long word leaves no memory behind. */
  #release(): void {
    if (this.#ends.length <= 1 << 16) return
    this.#queue = new MergeQueue()
    this.#ends = new Int32Array(128)
    this.#befores = new Int32Array(128)
    this.#offers = new Int32Array(128)
  }
}

/**
 * Ranks of tokens by their scores: the highest score has rank 0, equal scores have equal ranks. `undefined` where a
 * score is not a number.
 */
export function ranksOfScores(scores: Float32Array): Int32Array | undefined {
  if (scores.some(Number.isNaN)) return undefined
  const descending = scores.slice().sort().reverse()
  const distinct = descending.filter((score, i) => i === 0 || score !== descending[i - 1])
  return Int32Array.from(scores, (score) => placeOf(score, distinct))
}

function placeOf(score: number, descending: Float32Array): number {
  let low = 0
  for (let high = descending.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((descending[middle] ?? 0) > score) low = middle + 1
    else high = middle
  }
  return low
}
