/** Steps with each number of threads: a median of so many passes over what the system does meanwhile. */
const ROUNDS = 9
/** After so many, numbers that are far behind are left out: nobody should wait for them. */
const FIRST_ROUNDS = 3
const FAR_BEHIND = 1.3
/** Fewer threads have to be so much faster to be preferred: a gain that noise cannot feign. */
const CLEARLY_FASTER = 0.9

/** All threads, half of them, half of those, and so on to one. */
export function candidatesOf(most: number): number[] {
  return most === 1 ? [1] : [most, ...candidatesOf(Math.ceil(most / 2))]
}

/**
 * Finds the number of threads with which steps of few tokens take the shortest time, by trying several in turns in the
 * first steps of a model. Reading weights soon fills the memory's bandwidth, and processors may be halves of one core or
 * have other work: then more threads only wait for each other. What is computed is the same with any number.
 */
export class ThreadTrial {
  #candidates: readonly Candidate[]
  #turn = 0

  /** @param candidates numbers of threads, falling */
  constructor(candidates: readonly number[]) {
    this.#candidates = candidates.map((threads) => ({ threads, times: [] }))
  }

  /** For the next step. */
  get threads(): number {
    return this.#candidates[this.#turn].threads
  }

  get isSettled(): boolean {
    return this.#candidates.length === 1
  }

  /** How long the step took that was computed with `threads`. */
  measured(milliseconds: number): void {
    if (this.isSettled) return
    this.#candidates[this.#turn].times.push(milliseconds)
    this.#turn = (this.#turn + 1) % this.#candidates.length
    if (this.#turn > 0) return
    const rounds = this.#candidates[0].times.length
    if (rounds === ROUNDS) this.#candidates = [this.#best()]
    else if (rounds === FIRST_ROUNDS) this.#dropThoseFarBehind()
  }

  #best(): Candidate {
    return this.#candidates.reduce((best, other) => {
      return median(other.times) < CLEARLY_FASTER * median(best.times) ? other : best
    })
  }

  #dropThoseFarBehind(): void {
    const shortest = Math.min(...this.#candidates.map(({ times }) => median(times)))
    this.#candidates = this.#candidates.filter(({ times }) => median(times) <= FAR_BEHIND * shortest)
  }
}

interface Candidate {
  readonly threads: number
  readonly times: number[]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
