import type { Int32List } from './int32-list.ts'
import { LONGEST_QUEUE, MergeQueue } from './merge-queue.ts'
import { type Merges, NO_MERGE } from './merges.ts'

/** In bytes, each of which may be a token to begin with. */
export const LONGEST_WORD = LONGEST_QUEUE

/** Up to this many tokens, scanning all pairs for every merge is faster than keeping them in order. */
const SHORT = 128

/**
 * Byte pair encoding of one word, which is a list of tokens to begin with: over and over, the two neighbours whose
 * merge has the lowest rank (of equals the leftmost) become one, until no neighbours merge.
 */
export class WordEncoder {
  readonly #merges: Merges
  /** Of a short word: the rank of the merge of the token at i with the one after it. */
  readonly #ranks = new Int32Array(SHORT)

  constructor(merges: Merges) {
    this.#merges = merges
  }

  /** Appends what `ids[0..length)` become, at most LONGEST_WORD of them; changes `ids`. */
  encode(ids: Int32Array, length: number, result: Int32List): void {
    if (length <= SHORT) this.#encodeShort(ids, length, result)
    else this.#encodeLong(ids, length, result)
  }

  #encodeShort(ids: Int32Array, length: number, result: Int32List): void {
    const ranks = this.#ranks
    for (let i = 0; i + 1 < length; i++) ranks[i] = this.#merges.rank(ids[i] ?? -1, ids[i + 1] ?? -1)
    for (;;) {
      let best = NO_MERGE
      let at = -1
      for (let i = 0; i + 1 < length; i++) {
        const rank = ranks[i] ?? NO_MERGE
        if (rank < best) {
          best = rank
          at = i
        }
      }
      if (at < 0) break
      ids[at] = this.#merges.result(best)
      length--
      for (let i = at + 1; i < length; i++) {
        ids[i] = ids[i + 1] ?? -1
        ranks[i] = ranks[i + 1] ?? NO_MERGE
      }
      ranks[at] = at + 1 < length ? this.#merges.rank(ids[at] ?? -1, ids[at + 1] ?? -1) : NO_MERGE
      if (at > 0) ranks[at - 1] = this.#merges.rank(ids[at - 1] ?? -1, ids[at] ?? -1)
    }
    for (let i = 0; i < length; i++) result.push(ids[i] ?? -1)
  }

  /** The same with a queue of merges and a list of neighbours: n log n, for long runs without a break. */
  #encodeLong(ids: Int32Array, length: number, result: Int32List): void {
    const ranks = new Int32Array(length).fill(NO_MERGE)
    const next = Int32Array.from({ length }, (_, i) => i + 1)
    const previous = Int32Array.from({ length }, (_, i) => i - 1)
    const queue = new MergeQueue()
    const offer = (at: number): void => {
      const after = next[at] ?? length
      const rank = after < length ? this.#merges.rank(ids[at] ?? -1, ids[after] ?? -1) : NO_MERGE
      ranks[at] = rank
      if (rank !== NO_MERGE) queue.push(rank, at)
    }
    for (let i = 0; i + 1 < length; i++) offer(i)
    while (queue.size > 0) {
      const { rank, position: at } = queue.pop()
      // A merge of a neighbour may have come first: then this one is out of date.
      if (ranks[at] !== rank) continue
      const gone = next[at] ?? length
      const after = next[gone] ?? length
      ids[at] = this.#merges.result(rank)
      ranks[gone] = NO_MERGE
      next[at] = after
      if (after < length) previous[after] = at
      offer(at)
      if (at > 0) offer(previous[at] ?? 0)
    }
    for (let i = 0; i < length; i = next[i] ?? length) result.push(ids[i] ?? -1)
  }
}
