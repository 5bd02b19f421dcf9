import { KeyValueSequence } from './kv.ts'
import { PagePool } from './page-pool.ts'

/** Sequences that are looked at for the beginning of a prompt, those used last first. */
const MOST_LOOKED_AT = 64

/**
 * All sequences of a model. A sequence that is in use keeps its pages; an idle one may lose them to another that needs
 * room, the longest unused first, and is computed again when it is next used.
 */
export class KeyValueCache {
  readonly #pool: PagePool
  /** In the order of their last use. */
  readonly #idle = new Set<KeyValueSequence>()
  readonly #inUse = new Set<KeyValueSequence>()
  /** Those in use that go as soon as they are released: whoever computes them still needs their pages. */
  readonly #leaving = new Set<KeyValueSequence>()

  constructor(pages: number, copyPage: (from: number, to: number, tokens: number) => void) {
    this.#pool = new PagePool(pages, copyPage)
  }

  create(): KeyValueSequence {
    const sequence = new KeyValueSequence(this.#pool)
    this.#idle.add(sequence)
    return sequence
  }

  fork(sequence: KeyValueSequence): KeyValueSequence {
    const fork = sequence.fork()
    this.#idle.add(fork)
    return fork
  }

  /**
   * Has a sequence that is not in use begin as far as it can with `ids`: where an idle one begins with more of them than
   * it does itself, it shares that one's pages from now on, and what it had is forgotten. Takes at most 64 comparisons
   * of `ids` with a sequence.
   * @returns how many of `ids` it begins with
   */
  shareBeginning(sequence: KeyValueSequence, ids: Int32Array): number {
    let longest = sequence.commonPrefix(ids)
    let source: KeyValueSequence | undefined
    const filled = [...this.#idle].filter((other) => other !== sequence && other.length > 0)
    for (const other of filled.slice(-MOST_LOOKED_AT).reverse()) {
      const common = other.commonPrefix(ids)
      if (common > longest) [longest, source] = [common, other]
      if (longest === ids.length) break
    }
    if (source) sequence.adopt(source, longest)
    return longest
  }

  isInUse(sequence: KeyValueSequence): boolean {
    return this.#inUse.has(sequence)
  }

  /**
   * Takes a sequence into use with room for `length` tokens, of which the first `kept` are in it already; idle ones
   * give way. @returns false when sequences in use leave too few pages
   */
  acquire(sequence: KeyValueSequence, kept: number, length: number): boolean {
    sequence.truncate(kept)
    const others = [...this.#idle].filter((other) => other !== sequence)
    while (!sequence.reserve(length)) {
      const oldest = others.shift()
      if (oldest === undefined) return false
      oldest.truncate(0)
    }
    this.#idle.delete(sequence)
    this.#inUse.add(sequence)
    return true
  }

  /** Back to the idle ones, as the most recently used; pages beyond its tokens are given back. */
  release(sequence: KeyValueSequence): void {
    this.#inUse.delete(sequence)
    if (this.#leaving.delete(sequence)) this.remove(sequence)
    else {
      sequence.truncate(sequence.length)
      this.#idle.add(sequence)
    }
  }

  /** Empties all sequences but those in use: what they hold is no longer what the model would compute. */
  forgetIdle(): void {
    for (const sequence of this.#idle) sequence.truncate(0)
  }

  /** Gives up a sequence and its pages, at once or when it is released. */
  remove(sequence: KeyValueSequence): void {
    if (this.#inUse.has(sequence)) {
      this.#leaving.add(sequence)
      return
    }
    sequence.truncate(0)
    this.#idle.delete(sequence)
  }
}
