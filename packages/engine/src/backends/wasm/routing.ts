import type { PlacedRows } from './plan.ts'

/** Where the routing of a batch lies in the bank, as 32-bit words; every token is sent to `used` experts. */
export interface RoutingAddresses {
  /** [tokens, experts] scores of the router. */
  readonly scores: PlacedRows
  /** [tokens, used] the experts of a token, the most probable first. */
  readonly chosen: number
  /** [tokens, used] their weights, f32. */
  readonly weights: number
  /** [tokens, used] the row that an expert gets of this token; the rows of an expert lie together. */
  readonly rows: number
  /** [tokens * used] the token of each row. */
  readonly tokens: number
  /** [experts + 1] the first row of each expert, and the end of the last. */
  readonly firstRows: number
  /** Some experts have tokens: their number, then they. [1 + experts] */
  readonly busy: number
}

export interface RoutingOptions {
  readonly experts: number
  readonly used: number
  readonly normalise: boolean
}

/** Sends the tokens of a batch to their experts: softmax, choice, weights, and groups by expert. Allocates nothing. */
export class Routing {
  readonly #at: RoutingAddresses
  readonly #options: RoutingOptions
  readonly #words: Uint32Array
  readonly #floats: Float32Array

  constructor(at: RoutingAddresses, options: RoutingOptions, buffer: ArrayBufferLike) {
    this.#at = at
    this.#options = options
    this.#words = new Uint32Array(buffer)
    this.#floats = new Float32Array(buffer)
  }

  /** Experts that have tokens. */
  get busy(): number {
    return this.#words[this.#at.busy / 4]
  }

  /** The i-th expert that has tokens. */
  busyExpert(i: number): number {
    return this.#words[this.#at.busy / 4 + 1 + i]
  }

  /** How many before an expert have tokens. */
  busyBefore(expert: number): number {
    if (expert === 0) return 0
    if (expert === this.#options.experts) return this.busy
    let [low, high] = [0, this.busy]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.busyExpert(middle) < expert) low = middle + 1
      else high = middle
    }
    return low
  }

  firstRow(expert: number): number {
    return this.#words[this.#at.firstRows / 4 + expert]
  }

  run(tokens: number): void {
    const { experts } = this.#options
    const firstRows = this.#at.firstRows / 4
    this.#words.fill(0, firstRows, firstRows + experts + 1)
    for (let token = 0; token < tokens; token++) this.#choose(token)
    this.#group(tokens)
  }

  /** One choice after the other, weighted by their part of the softmax. Counts the choices behind each expert's place. */
  #choose(token: number): void {
    const { experts, used, normalise } = this.#options
    const floats = this.#floats
    const scores = (this.#at.scores.address + token * this.#at.scores.stride) / 4
    const first = token * used
    for (let j = 0; j < used; j++) {
      const expert = this.#mostProbable(token, scores, j)
      this.#words[this.#at.chosen / 4 + first + j] = expert
      this.#words[this.#at.firstRows / 4 + expert + 1]++
    }
    const largest = floats[scores + this.#words[this.#at.chosen / 4 + first]]
    let total = 0
    if (!normalise) for (let e = 0; e < experts; e++) total += Math.exp(floats[scores + e] - largest)
    else for (let j = 0; j < used; j++) total += Math.exp(this.#chosenScore(scores, first + j) - largest)
    for (let j = 0; j < used; j++) {
      floats[this.#at.weights / 4 + first + j] = Math.exp(this.#chosenScore(scores, first + j) - largest) / total
    }
  }

  #chosenScore(scores: number, choice: number): number {
    return this.#floats[scores + this.#words[this.#at.chosen / 4 + choice]]
  }

  /** The first of the most probable experts that are not among the token's first `count`; some expert even among NaNs. */
  #mostProbable(token: number, scores: number, count: number): number {
    const chosen = this.#at.chosen / 4 + token * this.#options.used
    let best = -1
    for (let e = 0; e < this.#options.experts; e++) {
      if (best >= 0 && !(this.#floats[scores + e] > this.#floats[scores + best])) continue
      let free = true
      for (let j = 0; j < count; j++) if (this.#words[chosen + j] === e) free = false
      if (free) best = e
    }
    return best
  }

  /** A counting sort by expert, in the order of the tokens. */
  #group(tokens: number): void {
    const { experts, used } = this.#options
    const words = this.#words
    const [firstRows, busy] = [this.#at.firstRows / 4, this.#at.busy / 4]
    words[busy] = 0
    for (let e = 0; e < experts; e++) {
      if (words[firstRows + e + 1] > 0) words[busy + 1 + words[busy]++] = e
      words[firstRows + e + 1] += words[firstRows + e]
    }
    for (let i = 0; i < tokens * used; i++) {
      const row = words[firstRows + words[this.#at.chosen / 4 + i]]++
      words[this.#at.rows / 4 + i] = row
      words[this.#at.tokens / 4 + row] = Math.floor(i / used)
    }
    // Each place now has the end of its expert, which is the beginning of the next.
    words.copyWithin(firstRows + 1, firstRows, firstRows + experts)
    words[firstRows] = 0
  }
}
