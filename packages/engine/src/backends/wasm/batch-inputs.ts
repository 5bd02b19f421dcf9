import { type Batch, type CompileOptions, PAGE_LENGTH } from '../backend.ts'
import { RUN_PAGES } from './kernels/attention-runs.ts'
import { TASK_BYTES, TASK_TOKENS } from './kernels/attention-unit.ts'
import type { MemoryViews } from './layout/pack.ts'
import { type Plan, SPLIT_TOKENS } from './plan.ts'

/** How large the present batch is. */
export interface BatchCounts {
  readonly tokens: number
  /** Rows that want logits. */
  readonly rows: number
  /** Entries of attention's task table. */
  readonly tasks: number
  /** Runs of pages of the task that has the most; 1 where the batch has so many tokens that runs have no place of their own. */
  readonly runs: number
}

/** Writes what a batch says into the bank, and counts it. Allocates nothing. */
export class BatchInputs implements BatchCounts {
  tokens = 0
  rows = 0
  tasks = 0
  runs = 1
  readonly #plan: Plan
  readonly #options: CompileOptions
  readonly #words: Uint32Array
  readonly #floats: Float32Array
  readonly #vocabulary: number

  constructor(plan: Plan, options: CompileOptions, vocabulary: number, memory: MemoryViews) {
    this.#plan = plan
    this.#options = options
    this.#vocabulary = vocabulary
    this.#words = memory.words
    this.#floats = new Float32Array(memory.words.buffer)
  }

  /** @throws RangeError for a batch that is larger than compiled for, or that names ids or pages that do not exist */
  write(batch: Batch): void {
    this.#check(batch)
    const { ids, positions, slots, outputRows } = this.#plan.inputs
    this.tokens = batch.ids.length
    this.rows = batch.outputRows.length
    this.#words.set(batch.ids, ids / 4)
    this.#words.set(batch.positions, positions / 4)
    this.#words.set(batch.outputRows, outputRows / 4)
    for (let t = 0; t < this.tokens; t++) {
      const position = batch.positions[t]
      const page = batch.pageTables[batch.sequences[t]][Math.floor(position / PAGE_LENGTH)]
      this.#words[slots / 4 + t] = page * PAGE_LENGTH + (position % PAGE_LENGTH)
    }
    this.#writeTasks(batch)
    this.#writeRotaryTables(batch.positions)
  }

  #check({ ids, positions, sequences, pageTables, outputRows }: Batch): void {
    const { maxTokens, maxRows, pages } = this.#options
    if (ids.length > maxTokens || outputRows.length > maxRows) {
      throw new RangeError(
        `${ids.length} tokens and ${outputRows.length} rows, compiled for ${maxTokens} and ${maxRows}`,
      )
    }
    for (let t = 0; t < ids.length; t++) {
      if (!(ids[t] >= 0 && ids[t] < this.#vocabulary)) throw new RangeError(`there is no id ${ids[t]}`)
      const page = pageTables[sequences[t]]?.[Math.floor(positions[t] / PAGE_LENGTH)]
      if (page === undefined || !(page >= 0 && page < pages)) {
        throw new RangeError(`position ${positions[t]} of sequence ${sequences[t]} has no page`)
      }
    }
    for (const row of outputRows) {
      if (!(row >= 0 && row < ids.length)) throw new RangeError(`there is no token ${row} in the batch`)
    }
  }

  /** A task is a run of tokens of one sequence; each has a copy of the part of the page table that it reads. */
  #writeTasks({ positions, sequences, pageTables }: Batch): void {
    const { tasks, pageTables: tables } = this.#plan.inputs
    this.tasks = 0
    this.runs = 1
    for (let first = 0, count = 0; first < this.tokens; first += count) {
      const sequence = sequences[first]
      count = 1
      while (count < TASK_TOKENS && first + count < this.tokens && sequences[first + count] === sequence) count++
      const pages = Math.floor(positions[first + count - 1] / PAGE_LENGTH) + 1
      const table = tables + 4 * this.#options.pages * this.tasks
      const entry = (tasks + TASK_BYTES * this.tasks) / 4
      this.#words[entry] = first
      this.#words[entry + 1] = count
      this.#words[entry + 2] = table
      this.#words[entry + 3] = pages
      for (let i = 0; i < pages; i++) this.#words[table / 4 + i] = pageTables[sequence][i]
      this.tasks++
      if (this.tokens <= SPLIT_TOKENS) this.runs = Math.max(this.runs, Math.ceil(pages / RUN_PAGES))
    }
  }

  /** For each token the cosines, then the sines. */
  #writeRotaryTables(positions: Int32Array): void {
    for (const { address, inverseFrequencies, magnitude } of this.#plan.rotaryTables.values()) {
      const pairs = inverseFrequencies.length
      let at = address / 4
      for (let t = 0; t < positions.length; t++, at += 2 * pairs) {
        for (let i = 0; i < pairs; i++) {
          const angle = positions[t] * inverseFrequencies[i]
          this.#floats[at + i] = Math.cos(angle) * magnitude
          this.#floats[at + pairs + i] = Math.sin(angle) * magnitude
        }
      }
    }
  }
}
