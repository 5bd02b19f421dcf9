import { nextTurn } from '#machine/next-turn'
import { FINAL_HIDDEN } from '../architectures/blocks/head.ts'
import type { CompiledModel, Tap } from '../backends/backend.ts'
import { type BatchLimits, makeBatch, type Work } from '../batch/batch-maker.ts'
import type { KeyValueSequence } from '../cache/kv.ts'
import type { KeyValueCache } from '../cache/kv-cache.ts'
import { AbortError, EngineError, throwIfAborted } from '../errors.ts'
import { Speculation } from './speculation.ts'

/** Something that wants tokens computed, and perhaps goes on with what it reads from their logits. */
export interface GenerateRequest {
  readonly sequence: KeyValueSequence
  /** All tokens so far. Those the sequence already begins with are not computed again, but for the last one. */
  readonly ids: Int32Array
  /** Most tokens the sequence will hold before the request ends. */
  readonly maxLength: number
  readonly outputs: 'all' | 'last'
  /** Whether `accept` is given the final hidden states as well. */
  readonly hidden?: boolean
  /**
   * Whether tokens may be guessed, and several verified in a step. `accept` is given the same rows, one by one, and the
   * same to the bit.
   */
  readonly speculates?: boolean
  readonly signal?: AbortSignal | undefined
  /** Called when its turn has come, with the number of tokens that need not be computed. */
  start?(cachedTokens: number): void
  /**
   * Called with logits [rows, vocabulary], and final hidden states [rows, width] where they are wanted, as they are
   * computed; valid during the call.
   * @returns tokens to go on with, or undefined when nothing more is wanted
   */
  accept(logits: Float32Array, rows: number, hidden: Float32Array): readonly number[] | undefined
}

const NONE = new Float32Array(0)

interface ActiveRequest extends Work {
  readonly request: GenerateRequest
  readonly speculation: Speculation | undefined
  guesses: readonly number[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The generation loop: all requests that run at the same time share each step of the model. A request that does not
 * fit beside those that run waits for its turn.
 */
export class Generator {
  readonly #model: CompiledModel
  readonly #cache: KeyValueCache
  readonly #limits: BatchLimits
  #active: ActiveRequest[] = []
  #waiting: ActiveRequest[] = []
  #running = false

  constructor(model: CompiledModel, cache: KeyValueCache, limits: BatchLimits) {
    this.#model = model
    this.#cache = cache
    this.#limits = limits
  }

  /** @throws AbortError when the request's signal is aborted; EngineError; whatever `accept` throws */
  async run(request: GenerateRequest): Promise<void> {
    throwIfAborted(request.signal)
    if (request.ids.length === 0) throw new RangeError('there is nothing to compute')
    const { sequence, ids: pending, outputs } = request
    const speculation = request.speculates ? new Speculation(pending) : undefined
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ request, sequence, pending, outputs, speculation, guesses: [], resolve, reject })
    })
    void this.#loop()
    return done
  }

  /** Whether nothing is being computed, once what was aborted has come to its end. */
  async isIdle(): Promise<boolean> {
    // The loop itself lets go of what was aborted, between two steps: what is being computed must not change.
    const isAborted = ({ request }: ActiveRequest) => request.signal?.aborted ?? false
    while (this.#running && [...this.#active, ...this.#waiting].every(isAborted)) {
      await nextTurn()
    }
    return !this.#running
  }

  /** Ends every request with an error. */
  stop(error: unknown): void {
    for (const active of [...this.#active, ...this.#waiting]) this.#end(active, () => active.reject(error))
  }

  async #loop(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#admit()) {
        await this.#step()
        // Let messages in: a request to abort, another conversation.
        await nextTurn()
      }
    } catch (cause) {
      this.stop(cause instanceof EngineError ? cause : kernelFailed(cause))
      // Some tokens of theirs were never computed.
      this.#cache.forgetIdle()
    } finally {
      this.#running = false
    }
  }

  /** @returns whether there is anything to compute */
  #admit(): boolean {
    this.#dropAborted()
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting
      const { sequence, maxLength } = next.request
      const kept = this.#cache.isInUse(sequence) ? undefined : this.#keptOf(next.request)
      if (kept === undefined || !this.#cache.acquire(sequence, kept, maxLength)) {
        if (this.#active.length > 0) break
        this.#end(next, () => next.reject(tooLong(maxLength)))
        continue
      }
      this.#waiting.shift()
      next.pending = next.request.ids.subarray(kept)
      next.request.start?.(kept)
      this.#active.push(next)
    }
    return this.#active.length > 0
  }

  /** Tokens of a request that need not be computed, since this sequence or an idle one has them. */
  #keptOf({ sequence, ids, outputs }: GenerateRequest): number {
    const known = outputs === 'all' ? sequence.commonPrefix(ids) : this.#cache.shareBeginning(sequence, ids)
    // The last token's logits choose what follows, so it is computed in any case.
    return Math.min(known, ids.length - 1)
  }

  #dropAborted(): void {
    for (const active of [...this.#active, ...this.#waiting]) {
      const { signal } = active.request
      if (signal?.aborted) this.#end(active, () => active.reject(new AbortError(signal.reason)))
    }
  }

  async #step(): Promise<void> {
    this.#guess()
    const { batch, shares } = makeBatch(this.#active, this.#limits)
    let hidden = NONE
    const keepHidden: Tap = (name, values) => {
      if (name === FINAL_HIDDEN) hidden = values.slice()
    }
    const wanted = this.#active.some(({ request }) => request.hidden)
    const started = performance.now()
    const logits = await this.#model.step(batch, wanted ? keepHidden : undefined)
    const milliseconds = performance.now() - started
    for (const { work, firstRow, rows, guesses } of shares) {
      // Who was ended meanwhile is told no more.
      if (rows === 0 || !this.#active.includes(work)) continue
      const wantedRows = rows - guesses.length
      const share = (values: Float32Array, row: number): Float32Array => {
        const width = values.length / batch.outputRows.length
        return values.subarray((firstRow + row) * width, (firstRow + row + wantedRows) * width)
      }
      const right = this.#deliver(work, guesses, (row) =>
        work.request.accept(share(logits, row), wantedRows, share(hidden, row)),
      )
      // A step that computed something else besides is no measure.
      if (batch.ids.length === 1 + guesses.length) work.speculation?.measured(guesses.length, 1 + right, milliseconds)
    }
  }

  /** Guesses are for a reply that has the model for itself: a step that others share costs more with every token. */
  #guess(): void {
    const alone = this.#active.length === 1
    for (const active of this.#active) {
      const { request, sequence, pending, speculation } = active
      const room = request.maxLength - sequence.length - pending.length
      active.guesses = (alone && speculation?.guess(room)) || []
    }
  }

  /** @returns how many guesses were right */
  #deliver(active: ActiveRequest, guesses: readonly number[], read: ReadLogits): number {
    try {
      const { right, next } = verified(guesses, read)
      active.sequence.append(right)
      active.speculation?.follow([...right, ...(next ?? [])])
      if (next) active.pending = next
      if (active.pending.length === 0) this.#end(active, active.resolve)
      return right.length
    } catch (error) {
      this.#end(active, () => active.reject(error))
      return 0
    }
  }

  #end(active: ActiveRequest, settle: () => void): void {
    if (this.#active.includes(active)) this.#cache.release(active.sequence)
    this.#active = this.#active.filter((other) => other !== active)
    this.#waiting = this.#waiting.filter((other) => other !== active)
    settle()
  }
}

function kernelFailed(cause: unknown): EngineError {
  return new EngineError('kernel-failed', 'The model failed while it was computing.', { cause })
}

/** Has the logits behind a right guess read, 0 being those that no guess precedes. @returns what `accept` does */
type ReadLogits = (row: number) => readonly number[] | undefined

/** Reads on as long as what is drawn is what was guessed. @returns the guesses that were drawn, and what follows them */
function verified(guesses: readonly number[], read: ReadLogits) {
  let right = 0
  for (;;) {
    const next = read(right)
    let same = 0
    while (next && same < next.length && next[same] === guesses[right + same]) same++
    right += same
    if (!next || same < next.length || same === 0) return { right: guesses.slice(0, right), next: next?.slice(same) }
  }
}

function tooLong(length: number): EngineError {
  return new EngineError('out-of-memory', `The cache has no room for a sequence of ${length} tokens.`, {
    remedy: 'Ask for fewer tokens, or load the model with a larger contextLength.',
  })
}
