import { lookUp } from './prompt-lookup.ts'

/** With the newest token they are four, for which each weight is unpacked once. */
const GUESSES = 3
/** Steps of each kind that are remembered, the older the less. */
const MEMORY = 8
/** Steps without guesses that come first, and after guesses that did not pay; the latter are doubled each time. */
const SHORTEST_PAUSE = 4
const LONGEST_PAUSE = 64

/**
 * Guesses for one reply, as long as they pay: a step that verifies guesses takes longer, and how much depends on the model,
 * the kernels and the machine. So the time a token takes is measured with guesses and without. Only speed hangs on it.
 */
export class Speculation {
  readonly #ids: number[]
  readonly #plain = new Pace()
  #guessed = new Pace()
  #wait = SHORTEST_PAUSE
  #pause = SHORTEST_PAUSE

  /** @param ids the prompt */
  constructor(ids: Iterable<number>) {
    this.#ids = [...ids]
  }

  /** Tokens that have joined the text. */
  follow(ids: readonly number[]): void {
    for (const id of ids) this.#ids.push(id)
  }

  /** What may come next, at most `room` tokens. */
  guess(room: number): readonly number[] {
    return this.#wait > 0 ? [] : lookUp(this.#ids, Math.min(room, GUESSES))
  }

  /** A step has taken some time and brought some tokens, with the help of guesses or without. */
  measured(guesses: number, tokens: number, milliseconds: number): void {
    if (guesses === 0) {
      this.#plain.add(tokens, milliseconds)
      this.#wait = Math.max(0, this.#wait - 1)
      return
    }
    this.#guessed.add(tokens, milliseconds)
    if (this.#guessed.millisecondsPerToken <= this.#plain.millisecondsPerToken) {
      this.#pause = SHORTEST_PAUSE
      return
    }
    this.#guessed = new Pace()
    this.#wait = this.#pause
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
  }
}

class Pace {
  #tokens = 0
  #milliseconds = 0

  get millisecondsPerToken(): number {
    return this.#milliseconds / this.#tokens
  }

  add(tokens: number, milliseconds: number): void {
    const kept = 1 - 1 / MEMORY
    this.#tokens = kept * this.#tokens + tokens
    this.#milliseconds = kept * this.#milliseconds + milliseconds
  }
}
