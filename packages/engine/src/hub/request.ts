import { WORDS } from '#hub/environment'
import { follow, networkError } from '#hub/follow'
import { AbortError, DownloadError, throwIfAborted } from '../errors.ts'
import { hostError } from './host-error.ts'
import { LONGEST_PAUSE_MS, Setback } from './persist.ts'

/** How long a server may take to begin its answer, and then to go on with it. */
const PATIENCE_MS = 60_000

export interface Request {
  readonly url: string
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent to the host of `url` only, never to one that it redirects to. */
  readonly token?: string
  readonly signal?: AbortSignal
}

/** The beginning of an answer that is no redirect. One of `body` and `discard` must be called. */
export interface Answer {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** Headers of the first answer, when it was a redirect: the Hub describes the file there, not at the storage. */
  readonly hubHeaders: Headers
  /** Whether headers may be kept from us: what is not there may still have been sent. */
  readonly hidesHeaders: boolean
  /** The body, piece by piece; a dropped or silent connection is a Setback. */
  body(): AsyncIterable<Uint8Array>
  /** Does without the body. */
  discard(): Promise<void>
}

/** What answered in the end. */
export interface Followed {
  readonly url: URL
  readonly response: Response
  /** Headers of the first answer. */
  readonly hubHeaders: Headers
  /** Whether headers may be kept from us, as browsers do between hosts. */
  readonly hidesHeaders: boolean
}

/**
 * Sends a request and follows redirects.
 * @throws Setback when the network or the server fails in a way that may pass; DownloadError; AbortError
 */
export async function send(request: Request): Promise<Answer> {
  const stop = new Patience(request.signal)
  const ask = (url: URL, init: RequestInit) => stop.during(url, () => fetch(url, { ...init, signal: stop.signal }))
  return answerOf(await follow(request, ask), stop)
}

function answerOf({ url, response, hubHeaders, hidesHeaders }: Followed, stop: Patience): Answer {
  async function* body(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader()
    try {
      while (reader) {
        const { done, value } = await stop.during(url, () => reader.read())
        if (done) return
        yield value
      }
    } finally {
      // The connection may be broken already.
      await reader?.cancel().catch(() => {})
    }
  }
  const { status, headers } = response
  // The connection may be broken already.
  const discard = async () => response.body?.cancel().catch(() => {})
  return { url: url.href, status, headers, hubHeaders, hidesHeaders, body, discard }
}

/** Ends a wait when the caller aborts or the server is silent for too long. */
class Patience {
  readonly signal: AbortSignal
  readonly #silence = new AbortController()
  readonly #caller: AbortSignal | undefined

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller
    this.signal = caller ? AbortSignal.any([caller, this.#silence.signal]) : this.#silence.signal
  }

  async during<Result>(url: URL, wait: () => Promise<Result>): Promise<Result> {
    throwIfAborted(this.#caller)
    const timer = setTimeout(() => this.#silence.abort(), PATIENCE_MS)
    try {
      return await wait()
    } catch (cause) {
      if (this.#caller?.aborted) throw new AbortError(this.#caller.reason)
      if (this.#silence.signal.aborted) {
        throw new Setback(hostError(url, `has sent nothing for ${PATIENCE_MS / 1000} s`, 'Try again later.'))
      }
      throw networkError(url, cause)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What a status other than 2xx means, where it means the same for every request. */
export function statusError({ url, status, headers }: Answer, what: string): Setback | DownloadError {
  const { host } = new URL(url)
  const problem = `${host} answers ${status} to the request for ${what}.`
  const error = (remedy: string) => new DownloadError('download-failed', problem, { file: url, remedy })
  if (status === 429) return overloaded(headers, error)
  if (status === 408 || status >= 500) {
    return overloaded(headers, error, `${host} has trouble; try again later.`)
  }
  return error(status === 407 ? 'The proxy asks for a password: put it into HTTPS_PROXY.' : 'Check the address.')
}

function overloaded(
  headers: Headers,
  error: (remedy: string) => DownloadError,
  remedy = `It asks for fewer requests: try again later, or ${WORDS.signIn}.`,
): Setback | DownloadError {
  const pauseMs = retryAfter(headers.get('retry-after'))
  if (pauseMs === undefined) return new Setback(error(remedy))
  if (pauseMs <= LONGEST_PAUSE_MS) return new Setback(error(remedy), pauseMs)
  return error(`It asks to wait for ${Math.ceil(pauseMs / 60_000)} minutes: try again then.`)
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  const pauseMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(pauseMs) ? undefined : Math.max(0, pauseMs)
}
