import type { BatchCounts } from '../batch-inputs.ts'

/** Words before those of the instructions. */
const HEADER = { step: 0, tokens: 1, rows: 2, tasks: 3, sleepers: 4, threads: 5 } as const
const HEADER_WORDS = 16
/**
 * Of each instruction: blocks that are claimed, blocks that are done, what the first thread does alone, and one more than
 * the blocks in all, where that is agreed upon.
 */
const WORDS = { claimed: 0, done: 1, additions: 2, agreed: 3 } as const
const WORDS_EACH = 4

/** Counts share a word with the last bits of the step that they belong to. */
const COUNT_BITS = 16
const COUNT_MASK = 2 ** COUNT_BITS - 1
export const MOST_BLOCKS = COUNT_MASK

/** Times that a thread looks at a word, some tens of microseconds in all, before it goes to sleep: waking takes as long. */
const LOOKS = 20_000

/** In place of a step: there will be none. */
const END = -1

/**
 * How far a step is, in words that the threads of a model share. An instruction is done when all its blocks are; who
 * finds none left waits for that, first looking, then sleeping. A thread that the system does not let run is not
 * waited for, unless it has claimed a block. When it wakes in a later step it sees that its own is over.
 */
export class StepControl implements BatchCounts {
  readonly words: Int32Array<SharedArrayBuffer>
  /** The step that this thread works on. */
  #step = 0

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.words = words
  }

  static create(instructions: number): StepControl {
    return new StepControl(new Int32Array(new SharedArrayBuffer(4 * (HEADER_WORDS + WORDS_EACH * instructions))))
  }

  get tokens(): number {
    return this.words[HEADER.tokens]
  }

  get rows(): number {
    return this.words[HEADER.rows]
  }

  get tasks(): number {
    return this.words[HEADER.tasks]
  }

  /** Threads that are to take part in the step. */
  get threads(): number {
    return this.words[HEADER.threads]
  }

  /**
   * Starts a step. Called by the first when all blocks of the one before are done.
   * @param threads that are to take part: the first so many
   * @param hasAdditions whether the first thread has something to do alone after an instruction, told by its number
   */
  begin({ tokens, rows, tasks }: BatchCounts, threads: number, hasAdditions: (instruction: number) => boolean): void {
    this.#step++
    for (let at = HEADER_WORDS, instruction = 0; at < this.words.length; at += WORDS_EACH, instruction++) {
      Atomics.store(this.words, at + WORDS.claimed, this.#tag)
      Atomics.store(this.words, at + WORDS.done, this.#tag)
      Atomics.store(this.words, at + WORDS.agreed, this.#tag)
      Atomics.store(this.words, at + WORDS.additions, this.#tag | (hasAdditions(instruction) ? 1 : 0))
    }
    this.words[HEADER.tokens] = tokens
    this.words[HEADER.rows] = rows
    this.words[HEADER.tasks] = tasks
    this.words[HEADER.threads] = threads
    Atomics.store(this.words, HEADER.step, this.#step)
    this.#wake(HEADER.step)
  }

  end(): void {
    Atomics.store(this.words, HEADER.step, END)
    this.#wake(HEADER.step)
  }

  /** Waits for a step other than the last. @returns false if there will be none */
  nextStep(): boolean {
    this.#waitUntil(HEADER.step, (step) => step !== this.#step, Number.POSITIVE_INFINITY)
    this.#step = Atomics.load(this.words, HEADER.step)
    return this.#step !== END
  }

  /**
   * The blocks of an instruction as the first thread that came to it counted them. One that comes late would count
   * others: what the count depends on may have changed since.
   */
  agreeOn(instruction: number, count: () => number): number {
    const at = this.#at(instruction, WORDS.agreed)
    if (Atomics.load(this.words, at) === this.#tag) {
      Atomics.compareExchange(this.words, at, this.#tag, this.#tag + 1 + count())
    }
    return (Atomics.load(this.words, at) & COUNT_MASK) - 1
  }

  /** The number of a block of the instruction that is now this thread's; undefined where the step is over. */
  claim(instruction: number): number | undefined {
    const at = this.#at(instruction, WORDS.claimed)
    for (;;) {
      const word = Atomics.load(this.words, at)
      if (!this.#isOfStep(word)) return undefined
      if (Atomics.compareExchange(this.words, at, word, word + 1) === word) return word & COUNT_MASK
    }
  }

  /** @param blocks of the instruction in all: with the last of them, those that wait go on */
  finish(instruction: number, blocks: number): void {
    const at = this.#at(instruction, WORDS.done)
    if (((Atomics.add(this.words, at, 1) + 1) & COUNT_MASK) === blocks) this.#wake(at)
  }

  /** @returns false when so many milliseconds were not enough */
  waitForAll(instruction: number, blocks: number, milliseconds: number): boolean {
    const isDone = (word: number) => (word & COUNT_MASK) === blocks || !this.#isOfStep(word)
    return this.#waitUntil(this.#at(instruction, WORDS.done), isDone, milliseconds)
  }

  hasAdditions(instruction: number): boolean {
    return (Atomics.load(this.words, this.#at(instruction, WORDS.additions)) & COUNT_MASK) > 0
  }

  /** Lets the others go on once the additions are made. */
  release(instruction: number): void {
    const at = this.#at(instruction, WORDS.additions)
    Atomics.add(this.words, at, 1)
    this.#wake(at)
  }

  waitForRelease(instruction: number, milliseconds: number): boolean {
    const isDone = (word: number) => (word & COUNT_MASK) > 1 || !this.#isOfStep(word)
    return this.#waitUntil(this.#at(instruction, WORDS.additions), isDone, milliseconds)
  }

  get #tag(): number {
    return (this.#step & 0x7fff) << COUNT_BITS
  }

  #isOfStep(word: number): boolean {
    return (word & ~COUNT_MASK) === this.#tag
  }

  #at(instruction: number, word: number): number {
    return HEADER_WORDS + WORDS_EACH * instruction + word
  }

  #wake(at: number): void {
    if (Atomics.load(this.words, HEADER.sleepers) > 0) Atomics.notify(this.words, at)
  }

  #waitUntil(at: number, isDone: (value: number) => boolean, milliseconds: number): boolean {
    for (let look = 0; look < LOOKS; look++) if (isDone(Atomics.load(this.words, at))) return true
    const start = performance.now()
    Atomics.add(this.words, HEADER.sleepers, 1)
    try {
      for (;;) {
        const value = Atomics.load(this.words, at)
        if (isDone(value)) return true
        const left = milliseconds - (performance.now() - start)
        if (left <= 0) return false
        Atomics.wait(this.words, at, value, left)
      }
    } finally {
      Atomics.sub(this.words, HEADER.sleepers, 1)
    }
  }
}
