import { EngineError } from '../errors.ts'
import type { WorkerThread as NodeThread, WorkerPort, WorkerRole, WorkerRuns } from './worker.ts'

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

/** The Blob's address is never revoked: any later worker needs it. */
function scriptUrl(): string {
  url ??= URL.createObjectURL(new Blob([LAJU_WORKER_SOURCE], { type: 'text/javascript' }))
  return url
}

/** What a thread begins with. */
interface Start {
  readonly role: WorkerRole
  readonly data?: unknown
}

/**
 * What a worker asks of its page, which alone starts workers: in Firefox (seen in 153) a worker that starts another one
 * may stop for ever, when others end at that time.
 */
interface Request {
  /** That the new worker and the one that asks talk through. */
  readonly port: MessagePort
  readonly role: WorkerRole
  /** Through which the page says that the new worker has failed, and is told to end it. */
  readonly control: MessagePort
}

type Thread = Pick<NodeThread, 'listen' | 'post' | 'keepProcess' | 'end'>

/** Starts threads. */
export const WorkerThread = {
  /** @param data what it begins with @throws EngineError `worker-failed` */
  start(role: WorkerRole, data?: unknown): Thread {
    const thread = LAJU_WORKER_SOURCE === '' ? new AskedThread(role) : new OwnThread(role)
    thread.post({ role, data } satisfies Start)
    return thread
  },
}

/** A worker that the page has started, with those that this one has asked for. */
class OwnThread implements Thread {
  readonly #worker: Worker
  readonly #asked: Worker[] = []

  constructor(role: WorkerRole) {
    this.#worker = startWorker(role)
  }

  listen(onMessage: (message: unknown) => void, onFailure: (cause?: unknown) => void): void {
    this.#worker.addEventListener('message', ({ data }) => {
      if (isRequest(data)) this.#startAsked(data)
      else onMessage(data)
    })
    whenFailed(this.#worker, (cause) => {
      void this.end()
      onFailure(cause)
    })
  }

  post(message: unknown): void {
    this.#worker.postMessage(message)
  }

  /** A page lives as long as its tab. */
  keepProcess(): void {}

  async end(): Promise<void> {
    for (const worker of [this.#worker, ...this.#asked]) worker.terminate()
  }

  #startAsked({ port, role, control }: Request): void {
    try {
      const worker = startWorker(role)
      this.#asked.push(worker)
      worker.postMessage(port, [port])
      whenFailed(worker, ({ message }) => control.postMessage(message))
      control.onmessage = () => worker.terminate()
    } catch (cause) {
      control.postMessage(String(cause))
    }
  }
}

/** A worker that the page has been asked for. */
class AskedThread implements Thread {
  readonly #port: MessagePort
  readonly #control: MessagePort

  constructor(role: WorkerRole) {
    const [talk, control] = [new MessageChannel(), new MessageChannel()]
    this.#port = talk.port1
    this.#control = control.port1
    const request: Request = { port: talk.port2, role, control: control.port2 }
    scope().postMessage(request, [talk.port2, control.port2])
  }

  listen(onMessage: (message: unknown) => void, onFailure: (cause?: unknown) => void): void {
    this.#port.onmessage = ({ data }) => onMessage(data)
    this.#control.onmessage = ({ data }) => onFailure(new Error(data))
  }

  post(message: unknown): void {
    this.#port.postMessage(message)
  }

  keepProcess(): void {}

  async end(): Promise<void> {
    this.#control.postMessage('end')
  }
}

function isRequest(message: unknown): message is Request {
  return typeof message === 'object' && message !== null && 'port' in message && message.port instanceof MessagePort
}

/** @throws EngineError `worker-failed` */
function startWorker(role: WorkerRole): Worker {
  try {
    return new Worker(scriptUrl(), { type: 'module', name: `laju ${role}` })
  } catch (cause) {
    throw notStarted(cause)
  }
}

/** A worker that throws may be in any state afterwards: it is ended. */
function whenFailed(worker: Worker, fail: (cause: Error) => void): void {
  worker.addEventListener('messageerror', () => fail(new Error('A message could not be read.')))
  worker.addEventListener('error', (event) => {
    event.preventDefault()
    worker.terminate()
    // A script that does not load has no message.
    fail(event.message ? new Error(event.message) : notStarted())
  })
}

function notStarted(cause?: unknown): EngineError {
  const remedy =
    'If the page has a Content-Security-Policy, allow `worker-src blob:`; or serve @laju/engine/worker.js from the ' +
    'host of the page and name its address with startWorkersFrom().'
  return new EngineError('worker-failed', 'The browser does not start the worker of the engine.', { cause, remedy })
}

/** For the script of a worker. Its first message is what it begins with, or the port where that will come. */
export function whenStarted(runs: WorkerRuns): void {
  // Nobody hears of those otherwise.
  scope().addEventListener('unhandledrejection', ({ reason }) => reportError(reason))
  const beginAt = (channel: Channel) => {
    const begin = ({ data }: MessageEvent) => {
      if (!(data instanceof MessagePort)) return runs[(data as Start).role]?.((data as Start).data, portTo(channel))
      beginAt(data)
      data.start()
    }
    channel.addEventListener('message', begin, { once: true })
  }
  beginAt(scope())
}

function portTo(channel: Channel): WorkerPort {
  return {
    post: (message, transfer = []) => channel.postMessage(message, transfer),
    listen: (onMessage) => channel.addEventListener('message', ({ data }) => onMessage(data)),
  }
}

/** What a worker's global scope and a port have in common. */
interface Channel {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void, options?: { once: boolean }): void
}

/** What of a dedicated worker's global scope is needed: its types and a page's exclude each other. */
interface WorkerScope extends Channel {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void, options?: { once: boolean }): void
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void
}

function scope(): WorkerScope {
  return globalThis as unknown as WorkerScope
}
