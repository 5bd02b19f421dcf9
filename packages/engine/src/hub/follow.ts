import { DownloadError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'
import { hostError } from './host-error.ts'
import { Setback } from './persist.ts'
import type { Followed, Request } from './request.ts'

const MOST_REDIRECTS = 8

/** How a file is asked for from its beginning. */
export const FROM_THE_BEGINNING: Readonly<Record<string, string>> = {}

/**
 * Sends a request and follows redirects, seeing what each says.
 * @throws as `ask` does; DownloadError
 */
export async function follow(
  request: Request,
  ask: (url: URL, init: RequestInit) => Promise<Response>,
): Promise<Followed> {
  const { headers = {}, method = 'GET', token } = request
  const start = new URL(request.url)
  let url = start
  let hubHeaders: Headers | undefined
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const authorization: Record<string, string> =
      token !== undefined && url.origin === start.origin ? { authorization: `Bearer ${token}` } : {}
    // A compressed answer could be neither resumed nor measured.
    const all = { 'accept-encoding': 'identity', 'user-agent': 'laju', ...headers, ...authorization }
    const response = await ask(url, { method, headers: all, redirect: 'manual' })
    hubHeaders ??= response.headers
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return { url, response, hubHeaders, hidesHeaders: false }
    await response.body?.cancel()
    url = redirected(url, location)
  }
  throw hostError(start, 'sends the request in circles', 'Try again later, or check HF_ENDPOINT.')
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw hostError(from, `redirects to ${quoted(location)}, which is no address`)
  const to = new URL(location, from)
  const isWeb = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')
  if (!isWeb) throw hostError(from, `redirects to ${quoted(to.href)}, which is not safe`)
  return to
}

const PROXY = 'behind a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1'

/** fetch wraps what happened: the codes are those of the system, of OpenSSL and of Node's HTTP client. */
export function networkError(url: URL, cause: unknown): Setback | DownloadError {
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
