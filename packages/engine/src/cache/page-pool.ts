/** Hands out pages of the kv state and counts who holds them. */
export class PagePool {
  readonly #free: number[]
  readonly #holders: Uint16Array
  readonly #copyPage: (from: number, to: number, tokens: number) => void

  /** @param copyPage copies the first `tokens` tokens of a page in the backend's memory */
  constructor(pages: number, copyPage: (from: number, to: number, tokens: number) => void) {
    // Popped from the end, so that low pages are used first and untouched memory stays untouched.
    this.#free = Array.from({ length: pages }, (_, i) => pages - 1 - i)
    this.#holders = new Uint16Array(pages)
    this.#copyPage = copyPage
  }

  get available(): number {
    return this.#free.length
  }

  /** @returns a page with one holder, or undefined when none is left */
  allocate(): number | undefined {
    const page = this.#free.pop()
    if (page !== undefined) this.#holders[page] = 1
    return page
  }

  /** One more holder. */
  share(page: number): void {
    this.#holders[page]++
  }

  isShared(page: number): boolean {
    return this.#holders[page] > 1
  }

  release(page: number): void {
    if (--this.#holders[page] === 0) this.#free.push(page)
  }

  copy(from: number, to: number, tokens: number): void {
    this.#copyPage(from, to, tokens)
  }
}
