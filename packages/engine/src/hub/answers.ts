import { WORDS } from '#hub/environment'
import { DownloadError } from '../errors.ts'
import type { Setback } from './persist.ts'
import { type Answer, statusError } from './request.ts'

/*
 * What the answer to a request for a file says.
 */

export interface AskedFile {
  /** Shown in messages. */
  readonly name: string
  readonly url: string
  readonly token?: string
}

/** What 401, 403 and 404 mean for a file; the Hub adds a code (`GatedRepo`) to them. */
export function fileError(answer: Answer, { name, url, token }: AskedFile): DownloadError | Setback {
  const { status, headers } = answer
  if (status === 401 || status === 403) return accessError(answer, name, token)
  if (status === 404 || status === 410) {
    return new DownloadError('not-found', `There is no ${name} on ${new URL(url).host} (${status}).`, {
      file: url,
      remedy: headers.get('x-error-message') ?? 'Check the address.',
    })
  }
  return statusError(answer, name)
}

/** 401 and 403: what to do to be let in. */
export function accessError(
  { url, status, headers, hubHeaders }: Answer,
  name: string,
  token: string | undefined,
): DownloadError {
  const code = headers.get('x-error-code') ?? hubHeaders.get('x-error-code')
  const { origin } = new URL(url)
  const { setToken } = WORDS
  const fail = (problem: string, remedy: string) =>
    new DownloadError('access-denied', `${problem} (${status}).`, { file: url, remedy })
  if (code === 'GatedRepo') {
    return fail(`${name} is open only to those who accept its licence`, `Accept it at ${origin}, then ${setToken}.`)
  }
  if (token === undefined) {
    return fail(`${name} is not open to everyone, or does not exist`, `Check the spelling; or ${setToken}.`)
  }
  const remedy = `Accept the licence of the model at ${origin} if it asks for that; else ${setToken}.`
  return fail(`${WORDS.token} does not open ${name}`, remedy)
}

/** What marks the state of a file on its server, byte for byte. */
export function strongEtag(headers: Headers): string | undefined {
  const etag = headers.get('etag')
  return etag === null || etag.startsWith('W/') ? undefined : etag
}

/** Bytes of the body; undefined where it is not said, or is packed. */
export function contentLength(headers: Headers): number | undefined {
  const isPlain = /^(identity)?$/.test(headers.get('content-encoding') ?? '')
  const length = headers.get('content-length')
  return isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

/** `bytes 100-199/200` (RFC 9110, 14.4) */
export function contentRange(headers: Headers): { start: number; total: number | undefined } | undefined {
  const [, start, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  if (start === undefined) return undefined
  return { start: Number(start), total: total === '*' ? undefined : Number(total) }
}

/**
 * Which part of a file an answer (206) to a request for all from byte `from` on is. Where the browser keeps that from us
 * it is taken for the part that was asked for: a checksum, or the ETag, tells whether what comes belongs to the file.
 */
export function partOf(answer: Answer, from: number): { start: number; total: number | undefined } | undefined {
  const { headers, hidesHeaders } = answer
  if (!hidesHeaders || headers.has('content-range')) return contentRange(headers)
  const length = contentLength(headers)
  return { start: from, total: length === undefined ? undefined : from + length }
}
