import { recallThreads, rememberThreads } from '#machine/thread-memory'
import { candidatesOf, ThreadTrial } from './thread-trial.ts'

/**
 * How many of a model's threads compute steps of few tokens: what this device remembers, or else what the first steps
 * show, which is remembered.
 */
export class WritingThreads {
  readonly #most: number
  readonly #trial: ThreadTrial

  private constructor(most: number, candidates: readonly number[]) {
    this.#most = most
    this.#trial = new ThreadTrial(candidates)
  }

  /** @param most threads there are */
  static async recall(most: number): Promise<WritingThreads> {
    const known = await recallThreads(most)
    return new WritingThreads(most, known ? [known.threads] : candidatesOf(most))
  }

  /** In the next step. */
  get count(): number {
    return this.#trial.threads
  }

  /** How long a step of one token took with `count`. */
  async measured(milliseconds: number): Promise<void> {
    if (this.#trial.isSettled) return
    this.#trial.measured(milliseconds)
    if (!this.#trial.isSettled) return
    await rememberThreads(this.#most, this.#trial.threads)
  }
}
