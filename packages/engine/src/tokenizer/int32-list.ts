/** A growing list of 32-bit integers in one typed array. */
export class Int32List {
  length = 0
  #items: Int32Array

  constructor(capacity = 16) {
    this.#items = new Int32Array(Math.max(1, capacity))
  }

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Int32Array(2 * this.length)
      larger.set(this.#items)
      this.#items = larger
    }
    this.#items[this.length++] = value
  }

  /** The item pushed last, if any. */
  get last(): number | undefined {
    return this.length === 0 ? undefined : this.#items[this.length - 1]
  }

  /** The items up to `length`: a view that is valid until the next push. */
  view(): Int32Array {
    return this.#items.subarray(0, this.length)
  }

  /** The items in an array of their own. */
  toArray(): Int32Array {
    return this.#items.slice(0, this.length)
  }
}
