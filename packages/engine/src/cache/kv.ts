import { PAGE_LENGTH } from '../backends/backend.ts'
import type { PagePool } from './page-pool.ts'

/**
 * The keys and values of one sequence: its tokens, and the pages that hold them. Forks share pages until one of them
 * writes. The bytes live in the backend; this is the book-keeping.
 */
export class KeyValueSequence {
  readonly #pool: PagePool
  readonly #tokens: number[] = []
  readonly #pages: number[] = []

  constructor(pool: PagePool) {
    this.#pool = pool
  }

  /** Tokens whose keys and values are kept (or are being computed by the batch that was just made). */
  get tokens(): readonly number[] {
    return this.#tokens
  }

  get length(): number {
    return this.#tokens.length
  }

  /** The page of positions [i * PAGE_LENGTH, (i + 1) * PAGE_LENGTH). */
  pageTable(): Int32Array {
    return Int32Array.from(this.#pages)
  }

  /** Pages that `reserve(length)` would take from the pool. */
  pagesNeeded(length: number): number {
    const missing = Math.max(0, Math.ceil(length / PAGE_LENGTH) - this.#pages.length)
    return missing + (length > this.length && this.#writesSharedPage() ? 1 : 0)
  }

  /** Holds pages for `length` tokens. @returns false, with nothing changed, when the pool has too few */
  reserve(length: number): boolean {
    if (this.pagesNeeded(length) > this.#pool.available) return false
    if (length > this.length && this.#writesSharedPage()) this.#ownLastPage()
    while (this.#pages.length * PAGE_LENGTH < length) {
      const page = this.#pool.allocate()
      if (page === undefined) return false
      this.#pages.push(page)
    }
    return true
  }

  /** Appends tokens that the next step computes; room must have been reserved. */
  append(ids: Iterable<number>): void {
    for (const id of ids) this.#tokens.push(id)
    if (this.#tokens.length > this.#pages.length * PAGE_LENGTH) throw new RangeError('no page was reserved')
  }

  /** Forgets everything from position `length` on, and gives back pages that are no longer needed. */
  truncate(length: number): void {
    if (length < this.#tokens.length) this.#tokens.length = length
    const kept = Math.ceil(this.#tokens.length / PAGE_LENGTH)
    for (const page of this.#pages.splice(kept)) this.#pool.release(page)
  }

  /** A sequence with the same past. */
  fork(): KeyValueSequence {
    const fork = new KeyValueSequence(this.#pool)
    fork.adopt(this, this.length)
    return fork
  }

  /** Holds the first `length` tokens of another sequence, in place of all it has: their pages are shared. */
  adopt(other: KeyValueSequence, length: number): void {
    this.truncate(0)
    // One by one: a long sequence has more tokens than a call takes arguments.
    for (const id of other.#tokens.slice(0, length)) this.#tokens.push(id)
    for (const page of other.#pages.slice(0, Math.ceil(this.length / PAGE_LENGTH))) {
      this.#pool.share(page)
      this.#pages.push(page)
    }
  }

  /** How many of `ids` are this sequence's first tokens. */
  commonPrefix(ids: ArrayLike<number>): number {
    const limit = Math.min(ids.length, this.#tokens.length)
    let common = 0
    while (common < limit && ids[common] === this.#tokens[common]) common++
    return common
  }

  /** Whether the page that takes the next token is held by a fork too. */
  #writesSharedPage(): boolean {
    const page = this.#pages[Math.floor(this.length / PAGE_LENGTH)]
    return page !== undefined && this.#pool.isShared(page)
  }

  #ownLastPage(): void {
    const index = Math.floor(this.length / PAGE_LENGTH)
    const shared = this.#pages[index]
    const own = this.#pool.allocate()
    if (own === undefined) throw new RangeError('no page is left to copy into')
    this.#pool.copy(shared, own, this.length % PAGE_LENGTH)
    this.#pool.release(shared)
    this.#pages[index] = own
  }
}
