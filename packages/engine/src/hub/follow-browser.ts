import { DownloadError } from '../errors.ts'
import { Setback } from './persist.ts'
import type { Followed, Request } from './request.ts'

/**
 * How a file is asked for from its beginning: as a range, since a browser then asks for no compression (Fetch, 4.6),
 * under which the length that is sent would not be the file's.
 */
export const FROM_THE_BEGINNING: Readonly<Record<string, string>> = { range: 'bytes=0-' }

/**
 * Sends a request; the browser follows redirects and shows the last answer only. Between hosts it sends the headers that
 * need no permission: the storage behind the Hub does not answer the question (`OPTIONS`) that others would bring about.
 * `Range` needs none, `If-Range` does; without it the ETags of the answers still tell whether the file is the same.
 */
export async function follow(
  request: Request,
  ask: (url: URL, init: RequestInit) => Promise<Response>,
): Promise<Followed> {
  const { method = 'GET', token } = request
  const { 'if-range': _, ...headers } = request.headers ?? {}
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  // The store keeps the file: the browser's cache need not.
  const init: RequestInit = { method, headers: { ...headers, ...authorization }, cache: 'no-store' }
  const response = await ask(new URL(request.url), init)
  return {
    url: new URL(response.url || request.url),
    response,
    hubHeaders: response.headers,
    hidesHeaders: response.type === 'cors',
  }
}

/** A browser does not say more, so that pages cannot look around in a network. */
export function networkError(url: URL, cause: unknown): Setback {
  const remedy = navigator.onLine
    ? `Check the address. If it is right, ${url.host} lets no page of another host read from it: it has to send the header Access-Control-Allow-Origin.`
    : 'Connect to a network, and try again: a download goes on where it was.'
  const problem = navigator.onLine ? `${url.host} cannot be reached.` : 'There is no network.'
  return new Setback(new DownloadError('download-failed', problem, { file: url.href, remedy, cause }))
}
