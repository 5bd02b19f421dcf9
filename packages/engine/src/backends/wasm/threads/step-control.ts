import type { BatchCounts } from '../batch-inputs.ts'

/** Words before those of the instructions. */
const HEADER = { step: 0, tokens: 1, rows: 2, tasks: 3, runs: 4, sleepers: 5, threads: 6 } as const
const HEADER_WORDS = 16
/**
 * Of each instruction: blocks that are done, what the first thread does alone, one more than the blocks in all where that
 * is agreed upon, and for each thread the blocks of its share that are claimed.
 */
const WORDS = { done: 0, additions: 1, agreed: 2, claimed: 3 } as const

/** Counts share a word with the last bits of the step that they belong to. */
const COUNT_BITS = 16
const COUNT_MASK = 2 ** COUNT_BITS - 1

/** Times that a thread looks at a word, some tens of microseconds in all, before it goes to sleep: waking takes as long. */
const LOOKS = 20_000

const NONE: BlockRange = { from: 0, to: 0 }

/** In place of a step: there will be none. */
const END = -1

/** Blocks from one up to, not including, another. */
export interface BlockRange {
  readonly from: number
  readonly to: number
}

/**
 * How far a step is, in words that the threads of a model share. An instruction is done when all its blocks are; who
 * finds none left waits for that, first looking, then sleeping. A thread that the system does not let run is not
 * waited for, unless it has claimed blocks. When it wakes in a later step it sees that its own is over.
 *
 * Each thread has a share of neighbouring blocks, since who reads on and on through memory reads faster. It claims half of
 * what is left of it at a time, and so does whoever is done with his own.
 */
export class StepControl implements BatchCounts {
  readonly words: Int32Array<SharedArrayBuffer>
  /** Threads of the model. */
  readonly size: number
  /** The number of this one; the first is 0. */
  readonly thread: number
  readonly #range = { from: 0, to: 0 }
  /** The step that this thread works on. */
  #step = 0

  constructor(words: Int32Array<SharedArrayBuffer>, size: number, thread: number) {
    this.words = words
    this.size = size
    this.thread = thread
  }

  /** For the first of so many threads. */
  static create(instructions: number, size: number): StepControl {
    const words = HEADER_WORDS + instructions * (WORDS.claimed + size)
    return new StepControl(new Int32Array(new SharedArrayBuffer(4 * words)), size, 0)
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

  get runs(): number {
    return this.words[HEADER.runs]
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
  begin(
    { tokens, rows, tasks, runs }: BatchCounts,
    threads: number,
    hasAdditions: (instruction: number) => boolean,
  ): void {
    this.#step++
    for (let instruction = 0, at = this.#at(0, 0); at < this.words.length; at = this.#at(++instruction, 0)) {
      Atomics.store(this.words, at + WORDS.done, this.#tag)
      Atomics.store(this.words, at + WORDS.agreed, this.#tag)
      for (let thread = 0; thread < this.size; thread++) {
        Atomics.store(this.words, at + WORDS.claimed + thread, this.#tag)
      }
      Atomics.store(this.words, at + WORDS.additions, this.#tag | (hasAdditions(instruction) ? 1 : 0))
    }
    this.words[HEADER.tokens] = tokens
    this.words[HEADER.rows] = rows
    this.words[HEADER.tasks] = tasks
    this.words[HEADER.runs] = runs
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

  /**
   * Blocks of the instruction that are now this thread's, valid until the next claim; an empty range where none is left,
   * undefined where the step is over.
   * @param blocks of the instruction in all
   */
  claim(instruction: number, blocks: number): BlockRange | undefined {
    const { threads } = this
    const share = Math.ceil(blocks / threads)
    for (let i = 0; i < threads; i++) {
      const owner = (this.thread + i) % threads
      const first = owner * share
      const range = this.#claimOf(this.#at(instruction, WORDS.claimed + owner), Math.min(share, blocks - first), first)
      if (!range || range.to > range.from) return range
    }
    return NONE
  }

  /** Half of what is left of a share, which begins at a block. */
  #claimOf(at: number, share: number, first: number): BlockRange | undefined {
    for (;;) {
      const word = Atomics.load(this.words, at)
      if (!this.#isOfStep(word)) return undefined
      const claimed = word & COUNT_MASK
      if (claimed >= share) return NONE
      const count = Math.ceil((share - claimed) / 2)
      if (Atomics.compareExchange(this.words, at, word, word + count) !== word) continue
      this.#range.from = first + claimed
      this.#range.to = first + claimed + count
      return this.#range
    }
  }

  /**
   * So many more blocks are done.
   * @param blocks of the instruction in all: with the last of them, those that wait go on
   */
  finish(instruction: number, count: number, blocks: number): void {
    const at = this.#at(instruction, WORDS.done)
    if (((Atomics.add(this.words, at, count) + count) & COUNT_MASK) === blocks) this.#wake(at)
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
    return HEADER_WORDS + (WORDS.claimed + this.size) * instruction + word
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
