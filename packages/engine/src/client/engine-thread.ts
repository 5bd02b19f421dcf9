import { WorkerThread } from '#machine/worker'
import { AbortError, EngineError, LajuError, OptionError } from '../errors.ts'
import type { CallName, Calls, FromWorker, ToWorker } from '../worker/messages.ts'
import { reviveError } from '../worker/serialized-error.ts'

interface PendingCall {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  readonly onEvent: ((event: unknown) => void) | undefined
}

export interface CallOptions<Name extends CallName> {
  readonly signal?: AbortSignal
  readonly onEvent?: (event: Calls[Name]['event']) => void
  /** An abort is over when the worker has tidied up, not at once. */
  readonly tidiesUp?: boolean
}

/**
 * The worker in which the engine runs, and the calls under way in it. A worker that dies ends every call with an
 * EngineError. While no call is under way it does not keep the process alive.
 */
export class EngineThread {
  readonly #worker: WorkerThread
  readonly #calls = new Map<number, PendingCall>()
  #nextId = 1
  #failure: LajuError | undefined

  /** @param worker runs the engine, fresh */
  constructor(worker: WorkerThread) {
    this.#worker = worker
    worker.listen(
      (message) => this.#receive(message as FromWorker),
      (cause) => this.#fail(workerFailed(cause)),
    )
  }

  /** @throws EngineError `worker-failed` */
  static async start(): Promise<EngineThread> {
    return new EngineThread(WorkerThread.start('engine'))
  }

  call<Name extends CallName>(
    call: Name,
    request: Calls[Name]['request'],
    { signal, onEvent, tidiesUp = false }: CallOptions<Name> = {},
  ): Promise<Calls[Name]['result']> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (signal?.aborted) return Promise.reject(new AbortError(signal.reason))
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<Calls[Name]['result']>()
    const abort = () => {
      this.#post({ abort: id })
      // The caller need not wait until the worker comes up for air.
      if (!tidiesUp) this.#calls.get(id)?.reject(new AbortError(signal?.reason))
    }
    const settled =
      <Argument>(settle: (argument: Argument) => void) =>
      (argument: Argument) => {
        signal?.removeEventListener('abort', abort)
        this.#calls.delete(id)
        if (this.#calls.size === 0) this.#worker.keepProcess(false)
        settle(argument)
      }
    this.#calls.set(id, {
      resolve: settled(resolve as (result: unknown) => void),
      reject: settled(reject),
      onEvent: onEvent as ((event: unknown) => void) | undefined,
    })
    signal?.addEventListener('abort', abort)
    this.#worker.keepProcess(true)
    try {
      this.#post({ id, call, request } as ToWorker)
    } catch (cause) {
      this.#calls.get(id)?.reject(notSendable(cause))
    }
    return promise
  }

  /** Ends the worker and every call in it. */
  async stop(reason: LajuError): Promise<void> {
    this.#fail(reason)
    await this.#worker.end()
  }

  #post(message: ToWorker): void {
    this.#worker.post(message)
  }

  #receive(message: FromWorker): void {
    const call = this.#calls.get(message.id)
    if (!call) return
    if ('event' in message) call.onEvent?.(message.event)
    else if ('error' in message) call.reject(reviveError(message.error))
    else call.resolve(message.result)
  }

  #fail(error: LajuError): void {
    this.#failure ??= error
    for (const call of [...this.#calls.values()]) call.reject(this.#failure)
  }
}

/** Functions among options, and Blobs that Node has made of files. */
function notSendable(cause: unknown): LajuError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const remedy = 'Name a file by its path rather than as a Blob of it, and give plain values as options.'
  return new OptionError('request', `What was given cannot be sent to the thread of the engine: ${why}`, remedy)
}

function workerFailed(cause?: unknown): LajuError {
  if (cause instanceof LajuError) return cause
  return new EngineError('worker-failed', 'The engine stopped unexpectedly.', {
    cause,
    remedy: 'Load the model again; if it happens again, use a smaller contextLength or model.',
  })
}
