import { AbortError, DownloadError, throwIfAborted } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'
import { LONGEST_PAUSE_MS, Setback } from './persist.ts'

const MOST_REDIRECTS = 8
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
  /** The body, piece by piece; a dropped or silent connection is a Setback. */
  body(): AsyncIterable<Uint8Array>
  /** Does without the body. */
  discard(): Promise<void>
}

/**
 * Sends a request and follows redirects.
 * @throws Setback when the network or the server fails in a way that may pass; DownloadError; AbortError
 */
export async function send(request: Request): Promise<Answer> {
  const { headers = {}, method = 'GET', token, signal } = request
  const start = new URL(request.url)
  let url = start
  let hubHeaders: Headers | undefined
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const authorization: Record<string, string> =
      token !== undefined && url.origin === start.origin ? { authorization: `Bearer ${token}` } : {}
    // A compressed answer could be neither resumed nor measured.
    const all = { 'accept-encoding': 'identity', 'user-agent': 'laju', ...headers, ...authorization }
    const stop = new Patience(signal)
    const response = await stop.during(url, () =>
      fetch(url, { method, headers: all, redirect: 'manual', signal: stop.signal }),
    )
    hubHeaders ??= response.headers
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return answerOf(url, response, hubHeaders, stop)
    await response.body?.cancel()
    url = redirected(url, location)
  }
  throw failed(start, 'sends the request in circles', 'Try again later, or check HF_ENDPOINT.')
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw failed(from, `redirects to ${quoted(location)}, which is no address`)
  const to = new URL(location, from)
  const isWeb = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')
  if (!isWeb) throw failed(from, `redirects to ${quoted(to.href)}, which is not safe`)
  return to
}

function answerOf(url: URL, response: Response, hubHeaders: Headers, stop: Patience): Answer {
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
  return { url: url.href, status, headers, hubHeaders, body, discard }
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
        throw new Setback(failed(url, `has sent nothing for ${PATIENCE_MS / 1000} s`, 'Try again later.'))
      }
      throw networkError(url, cause)
    } finally {
      clearTimeout(timer)
    }
  }
}

const PROXY = 'behind a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1'

/** fetch wraps what happened: the codes are those of the system, of OpenSSL and of Node's HTTP client. */
function networkError(url: URL, cause: unknown): Setback | DownloadError {
  const code = codeOf(cause)
  const error = (problem: string, remedy: string) =>
    new DownloadError('download-failed', problem, { file: url.href, remedy, cause })
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Setback(
        error(`The host ${url.hostname} is not found.`, `Check the network and the address; ${PROXY}.`),
      )
    case 'ECONNREFUSED':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new Setback(error(`${url.host} cannot be reached (${code}).`, `Check the network; ${PROXY}.`))
    default:
      if (/CERT|SSL|TLS|SIGNATURE/.test(code)) {
        const remedy =
          'Check the clock; behind a proxy that inspects traffic set NODE_EXTRA_CA_CERTS to its certificate.'
        return error(`The certificate of ${url.host} is not accepted (${code}).`, remedy)
      }
      return new Setback(
        error(`The connection to ${url.host} was dropped${code ? ` (${code})` : ''}.`, 'Check the network; try again.'),
      )
  }
}

function codeOf(error: unknown): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if ('code' in inner && typeof inner.code === 'string') return inner.code
  }
  return ''
}

function failed(url: URL, what: string, remedy = 'Try again later.'): DownloadError {
  return new DownloadError('download-failed', `${url.host} ${what}.`, { file: url.href, remedy })
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
  remedy = 'It asks for fewer requests: try again later, or sign in with HF_TOKEN.',
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
