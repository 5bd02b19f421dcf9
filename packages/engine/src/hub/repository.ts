import { WORDS } from '#hub/environment'
import { DownloadError } from '../errors.ts'
import type { JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'
import { accessError } from './answers.ts'
import { persist, Setback } from './persist.ts'
import { isSafePath, type RepositoryReference } from './reference.ts'
import { type Answer, send, statusError } from './request.ts'

const LONGEST_LISTING = 64 << 20

export interface RepositoryFile {
  /** Inside the repository, with slashes. */
  readonly path: string
  readonly size: number
  /** SHA-256 of a large file, git's SHA-1 of a small one; also its name among the blobs of the cache. */
  readonly checksum: string
}

export interface Listing {
  /** The commit that the revision is now at. */
  readonly commit: string
  readonly files: readonly RepositoryFile[]
}

/**
 * Asks the Hub what a repository holds at a revision (`GET /api/models/{repository}/revision/{revision}?blobs=true`).
 * @throws DownloadError `not-found`, `access-denied`, `download-failed`; AbortError
 */
export async function listRepository(
  { repository, revision }: RepositoryReference,
  endpoint: string,
  token: string | undefined,
  signal?: AbortSignal,
): Promise<Listing> {
  const url = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`
  const text = await persist(async () => {
    const answer = await send({ url, token, signal })
    if (answer.status === 200) return readText(answer)
    await answer.discard()
    throw listingError(answer, repository, revision, token)
  }, signal)
  return parseListing(text, url)
}

/** Where a file of a repository is fetched from. */
export function fileAddress(endpoint: string, repository: string, commit: string, path: string): string {
  return `${endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

async function readText(answer: Answer): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const bytes of answer.body()) {
    text += decoder.decode(bytes, { stream: true })
    length += bytes.length
    if (length > LONGEST_LISTING) throw notAHub(answer.url, 'is endless')
  }
  const stated = answer.headers.get('content-length')
  if (stated !== null && Number(stated) > length) {
    throw new Setback(notAHub(answer.url, `ended after ${length} of ${stated} bytes`))
  }
  return text + decoder.decode()
}

function listingError(
  answer: Answer,
  repository: string,
  revision: string,
  token: string | undefined,
): DownloadError | Setback {
  const { status, url, headers } = answer
  if (status === 401 || status === 403) return accessError(answer, repository, token)
  if (status !== 404) return statusError(answer, repository)
  const { host } = new URL(url)
  const isRevision = headers.get('x-error-code') === 'RevisionNotFound'
  const problem = isRevision
    ? `${repository} has no revision "${revision}".`
    : `There is no repository ${repository} on ${host}.`
  const remedy = isRevision
    ? 'Name a branch, a tag or a commit of it, or none.'
    : 'Check the spelling of hf:owner/name.'
  return new DownloadError('not-found', problem, { file: url, remedy })
}

function parseListing(text: string, url: string): Listing {
  const value = parseJson(text, url)
  if (!isJsonObject(value) || typeof value.sha !== 'string' || !/^[0-9a-f]{40}$/.test(value.sha)) {
    throw notAHub(url, 'names no commit')
  }
  if (!Array.isArray(value.siblings)) throw notAHub(url, 'lists no files')
  return { commit: value.sha, files: value.siblings.flatMap((entry) => fileOf(entry) ?? []) }
}

function parseJson(text: string, url: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    throw notAHub(url, 'is not JSON')
  }
}

/** Left out: what could not be kept under its name, or not be checked. */
function fileOf(entry: JsonValue): RepositoryFile | undefined {
  if (!isJsonObject(entry)) return undefined
  const { rfilename: path, size, blobId, lfs } = entry
  const checksum = isJsonObject(lfs) ? lfs.sha256 : blobId
  if (typeof path !== 'string' || !isSafePath(path)) return undefined
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
  if (typeof checksum !== 'string' || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum)) return undefined
  return { path, size, checksum }
}

function notAHub(url: string, what: string): DownloadError {
  return new DownloadError('download-failed', `The answer of ${new URL(url).host} ${what}.`, {
    file: url,
    remedy: `Check ${WORDS.endpoint}, and whether a proxy or a sign-in page answers in its place.`,
  })
}
