const BUCKETS = 4096
/** Tokens this many e-folds below the best share the last bucket; together they weigh less than 2^18 * e^-40. */
const DEPTH = 40

/**
 * top-p over a whole vocabulary (Holtzman et al. 2019, "The curious case of neural text degeneration"): the fewest most
 * likely tokens whose probabilities reach p. Instead of sorting all, tokens are dropped into buckets by their
 * logit; whole buckets are taken from the top, and only the bucket in which the sum crosses p is sorted.
 */
export class Nucleus {
  readonly #weights: Float64Array
  readonly #buckets: Uint16Array
  readonly #masses = new Float64Array(BUCKETS)

  constructor(vocabularySize: number) {
    this.#weights = new Float64Array(vocabularySize)
    this.#buckets = new Uint16Array(vocabularySize)
  }

  /** Calls `keep` for every token of the nucleus, with its weight e^((logit - top) / temperature). */
  select(
    logits: Float32Array,
    top: number,
    temperature: number,
    p: number,
    keep: (id: number, weight: number) => void,
  ): void {
    const weights = this.#weights
    const buckets = this.#buckets
    const goal = p * this.#weigh(logits, top, temperature)
    const { bucket: border, mass } = this.#crossing(goal)
    const undecided: number[] = []
    for (let id = 0; id < logits.length; id++) {
      if (buckets[id] < border) keep(id, weights[id])
      else if (buckets[id] === border) undecided.push(id)
    }
    undecided.sort((a, b) => logits[b] - logits[a] || a - b)
    let sum = mass
    for (const id of undecided) {
      // The most likely token stays even for p = 0.
      if (sum >= goal && sum > 0) break
      keep(id, weights[id])
      sum += weights[id]
    }
  }

  /** Fills weights and buckets; answers the sum of the weights. */
  #weigh(logits: Float32Array, top: number, temperature: number): number {
    const weights = this.#weights
    const buckets = this.#buckets
    const masses = this.#masses
    masses.fill(0)
    for (let id = 0; id < logits.length; id++) {
      const exponent = (logits[id] - top) / temperature
      const weight = Math.exp(exponent)
      const bucket = exponent > -DEPTH ? Math.floor(exponent * (-BUCKETS / DEPTH)) : BUCKETS - 1
      weights[id] = weight
      buckets[id] = bucket
      masses[bucket] += weight
    }
    return masses.reduce((sum, mass) => sum + mass, 0)
  }

  /** The first bucket at whose end the sum reaches the goal, and the sum before it. */
  #crossing(goal: number): { bucket: number; mass: number } {
    let mass = 0
    for (let bucket = 0; bucket < BUCKETS - 1; bucket++) {
      if (mass + this.#masses[bucket] >= goal) return { bucket, mass }
      mass += this.#masses[bucket]
    }
    return { bucket: BUCKETS - 1, mass }
  }
}
