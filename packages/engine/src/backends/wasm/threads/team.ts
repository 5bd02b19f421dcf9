import { nextTurn } from '#machine/next-turn'
import { WorkerThread } from '#machine/worker'
import { EngineError } from '../../../errors.ts'
import type { Graph } from '../../../graph/operations.ts'
import type { CacheType } from '../../backend.ts'
import type { BatchCounts } from '../batch-inputs.ts'
import type { Instruction } from '../compile.ts'
import type { Plan } from '../plan.ts'
import { replayTogether } from './replay-together.ts'
import { StepControl } from './step-control.ts'

/** What a compute worker is given: it compiles the same instructions as the first thread. */
export interface ComputeWork {
  readonly graph: Graph
  /** Of each bank. */
  readonly plans: readonly Plan[]
  readonly memories: readonly WebAssembly.Memory[]
  readonly module: WebAssembly.Module
  readonly words: Int32Array<SharedArrayBuffer>
  /** How many there are with the first. */
  readonly threads: number
  /** Its number; the first is 0. */
  readonly thread: number
  readonly cacheType: CacheType
}

/** The threads that compute the steps of a model together with the one that calls `run`. */
export class Team {
  readonly #control: StepControl
  readonly #workers: readonly WorkerThread[]
  #failure: EngineError | undefined
  #stopped = false

  private constructor(control: StepControl, workers: readonly WorkerThread[]) {
    this.#control = control
    this.#workers = workers
  }

  /**
   * Starts all threads but the first, which is the caller's.
   * @param instructions how many there are
   * @throws EngineError `worker-failed`
   */
  static async start(work: Omit<ComputeWork, 'words' | 'thread'>, instructions: number): Promise<Team> {
    const control = StepControl.create(instructions, work.threads)
    const workers = Array.from({ length: work.threads - 1 }, (_, i) => {
      const data: ComputeWork = { ...work, words: control.words, thread: i + 1 }
      return WorkerThread.start('compute', data)
    })
    const team = new Team(control, workers)
    try {
      await Promise.all(workers.map((worker) => team.#ready(worker)))
    } catch (error) {
      team.stop()
      throw error
    }
    return team
  }

  /**
   * @param threads that take part: some of the team's
   * @throws EngineError `worker-failed`, after which there is no further step
   */
  async run(instructions: readonly Instruction[], counts: BatchCounts, threads: number): Promise<void> {
    this.#check()
    this.#control.begin(counts, threads, (instruction) => instructions[instruction].additions !== undefined)
    try {
      for (const _ of replayTogether(instructions, this.#control)) {
        // What became of the others arrives as events.
        await nextTurn()
        this.#check()
      }
    } catch (cause) {
      this.#fail(cause)
      throw cause
    }
  }

  /** Twice is fine. */
  stop(): void {
    this.#stopped = true
    this.#control.end()
    for (const worker of this.#workers) void worker.end()
  }

  #ready(worker: WorkerThread): Promise<void> {
    return new Promise((resolve, reject) => {
      worker.listen(
        () => resolve(),
        (cause) => reject(this.#fail(cause)),
      )
    })
  }

  #fail(cause?: unknown): EngineError {
    this.#failure ??= new EngineError('worker-failed', 'A thread of the engine stopped unexpectedly.', {
      cause,
      remedy: 'Load the model again; if it happens again, use fewer threads.',
    })
    return this.#failure
  }

  #check(): void {
    if (this.#failure && !this.#stopped) throw this.#failure
  }
}
