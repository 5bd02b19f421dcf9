/** Positions are below this, so that rank * 2^26 + position is an exact number. */
export const LONGEST_QUEUE = 2 ** 26

/** A binary heap of possible merges: lowest rank first, and of equal ranks the leftmost. */
export class MergeQueue {
  #heap = new Float64Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  push(rank: number, position: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(2 * this.#size)
      larger.set(this.#heap)
      this.#heap = larger
    }
    const heap = this.#heap
    const key = rank * LONGEST_QUEUE + position
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] ?? 0
      if (above <= key) break
      heap[at] = above
      at = parent
    }
    heap[at] = key
  }

  /** Takes the first merge out. The queue must not be empty. */
  pop(): { rank: number; position: number } {
    const heap = this.#heap
    const first = heap[0] ?? 0
    const key = heap[--this.#size] ?? 0
    let at = 0
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++
      const below = heap[child] ?? 0
      if (below >= key) break
      heap[at] = below
      at = child
    }
    heap[at] = key
    const rank = Math.floor(first / LONGEST_QUEUE)
    return { rank, position: first - rank * LONGEST_QUEUE }
  }
}
