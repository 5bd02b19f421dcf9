import { parentPort, Worker, workerData } from 'node:worker_threads'
import { OptionError } from '../errors.ts'

/** What a thread of the engine is for: it runs the engine, or helps it to compute. */
export type WorkerRole = 'engine' | 'compute'

/** What each runs. The sources run as TypeScript, the build as JavaScript. */
const FILES: Record<WorkerRole, string> = {
  engine: '../worker/engine-worker',
  compute: '../backends/wasm/threads/compute-worker',
}
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** What a worker is given. */
interface Start {
  readonly role: WorkerRole
  readonly data?: unknown
}

/** A thread, seen from the one that started it. It does not keep the process alive unless it is told to. */
export class WorkerThread {
  readonly #worker: Worker

  /** @param worker fresh */
  constructor(worker: Worker) {
    this.#worker = worker
    worker.unref()
  }

  /** @param data what it begins with */
  static start(role: WorkerRole, data?: unknown): WorkerThread {
    // The flags of the process are for its main script (`--input-type`, `--test`), not for this one.
    return new WorkerThread(
      new Worker(new URL(`${FILES[role]}.${EXTENSION}`, import.meta.url), {
        workerData: { role, data } satisfies Start,
        execArgv: [],
      }),
    )
  }

  /** @param onFailure called once it has stopped for any reason, perhaps with the reason, perhaps twice */
  listen(onMessage: (message: unknown) => void, onFailure: (cause?: unknown) => void): void {
    this.#worker.on('message', onMessage)
    this.#worker.on('error', onFailure)
    this.#worker.on('exit', () => onFailure())
  }

  post(message: unknown): void {
    this.#worker.postMessage(message)
  }

  /** Whether the process stays alive for what it does. */
  keepProcess(alive: boolean): void {
    if (alive) this.#worker.ref()
    else this.#worker.unref()
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** The way from a thread to the one that started it. */
export interface WorkerPort {
  post(message: unknown, transfer?: ArrayBuffer[]): void
  listen(onMessage: (message: unknown) => void): void
}

/** What a thread does, by its role, with what it was started with. */
export type WorkerRuns = { readonly [Role in WorkerRole]?: (data: unknown, port: WorkerPort) => void }

/** For the script of a worker. */
export function whenStarted(runs: WorkerRuns): void {
  const port = parentPort
  if (!port) throw new Error('This runs as a worker thread only.')
  const { role, data } = workerData as Start
  runs[role]?.(data, {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (onMessage) => port.on('message', onMessage),
  })
}

/** @throws OptionError outside of browsers, which alone need it */
export function startWorkersFrom(_url: string | URL): void {
  throw new OptionError(
    'url',
    'Outside of a browser, workers are started from the files of the package.',
    'Leave it out.',
  )
}
