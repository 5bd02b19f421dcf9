import { EngineError } from '../errors.ts'
import type { WorkerRole, WorkerRuns } from './worker.ts'

/** The script of every worker, which the build puts here; empty in the worker itself. */
declare const LAJU_WORKER_SOURCE: string

let url: string | undefined

/**
 * Starts all further workers from a copy of `@laju/engine/worker.js` that the page's own host serves: for pages whose
 * Content-Security-Policy allows no workers from `blob:`. An isolated page needs it served with the header
 * `Cross-Origin-Embedder-Policy`.
 */
export function startWorkersFrom(address: string | URL): void {
  url = new URL(address, document.baseURI).href
}

/** Workers of a worker run what it runs. The Blob's address is never revoked: any later worker needs it. */
function scriptUrl(): string {
  if (LAJU_WORKER_SOURCE === '') return location.href
  url ??= URL.createObjectURL(new Blob([LAJU_WORKER_SOURCE], { type: 'text/javascript' }))
  return url
}

/** The first message to a worker. */
interface Start {
  readonly role: WorkerRole
  readonly data?: unknown
}

/** A thread, seen from the one that started it. */
export class WorkerThread {
  readonly #worker: Worker

  /** @param worker fresh */
  constructor(worker: Worker) {
    this.#worker = worker
  }

  /** @param data what it begins with */
  static start(role: WorkerRole, data?: unknown): WorkerThread {
    const worker = startWorker(role)
    worker.postMessage({ role, data } satisfies Start)
    return new WorkerThread(worker)
  }

  /** @param onFailure called when it has failed or cannot start, with the reason */
  listen(onMessage: (message: unknown) => void, onFailure: (cause?: unknown) => void): void {
    this.#worker.addEventListener('message', ({ data }) => onMessage(data))
    this.#worker.addEventListener('messageerror', () => onFailure(new Error('A message could not be read.')))
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault()
      // A script that does not load has no message; one that has failed may be in any state.
      this.#worker.terminate()
      onFailure(event.message ? new Error(event.message) : notStarted())
    })
  }

  post(message: unknown): void {
    this.#worker.postMessage(message)
  }

  /** A page lives as long as its tab. */
  keepProcess(_alive: boolean): void {}

  async end(): Promise<void> {
    this.#worker.terminate()
  }
}

/** @throws EngineError `worker-failed` */
function startWorker(role: WorkerRole): Worker {
  try {
    return new Worker(scriptUrl(), { type: 'module', name: `laju ${role}` })
  } catch (cause) {
    throw notStarted(cause)
  }
}

function notStarted(cause?: unknown): EngineError {
  const remedy =
    'If the page has a Content-Security-Policy, allow `worker-src blob:`; or serve @laju/engine/worker.js from the ' +
    'host of the page and name its address with startWorkersFrom().'
  return new EngineError('worker-failed', 'The browser does not start the worker of the engine.', { cause, remedy })
}

/** For the script of a worker. */
export function whenStarted(runs: WorkerRuns): void {
  const scope = globalThis as unknown as DedicatedScope
  // Nobody hears of those otherwise.
  scope.addEventListener('unhandledrejection', ({ reason }) => reportError(reason))
  const begin = ({ data: { role, data } }: MessageEvent<Start>) => {
    runs[role]?.(data, {
      post: (message, transfer = []) => scope.postMessage(message, transfer),
      listen: (onMessage) => scope.addEventListener('message', ({ data }) => onMessage(data)),
    })
  }
  scope.addEventListener('message', begin, { once: true })
}

/** What of a dedicated worker's global scope is needed: its types and a page's exclude each other. */
interface DedicatedScope {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void, options?: { once: boolean }): void
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void
}
