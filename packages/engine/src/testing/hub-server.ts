import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type RepositoryFiles = Readonly<Record<string, Uint8Array>>

/** How one request for a file's content is answered otherwise than well. */
export interface Fault {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of the file's. */
  readonly content?: Uint8Array
  readonly etag?: string
  /** The connection breaks after so many bytes of the body. */
  readonly dropAfter?: number
  /** Claimed instead of the true one. */
  readonly contentLength?: number
  /** Sent in chunks, without a length. */
  readonly isUnmeasured?: boolean
  readonly ignoreRange?: boolean
  /** As a proxy that passes on If-Range without understanding it. */
  readonly ignoreIfRange?: boolean
  /** Between the pieces of the body, so that something can happen meanwhile. */
  readonly slowMs?: number
}

/** @param attempt how many requests for the content of this file there were before */
type FaultOf = (request: { path: string; range: string | undefined; attempt: number }) => Fault | undefined

export interface SeenRequest {
  readonly host: string
  readonly method: string
  readonly url: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

/** What the Hub shows to pages of other hosts, and what it lets them send. */
const SHOWN =
  'x-repo-commit, x-error-code, x-error-message, etag, accept-ranges, content-range, x-linked-size, x-linked-etag'
const PERMISSION = { 'access-control-allow-headers': 'authorization, range, if-range' }

export const COMMIT = 'a'.repeat(40)

/**
 * A small Hub on 127.0.0.1 with one repository, `owner/model`, at one commit: the listing, `resolve` addresses that
 * redirect large files to a storage under another host name (`localhost`), with the headers of the real one. Everything
 * under /plain/ is served as by any web server.
 */
export class HubServer implements AsyncDisposable {
  files: RepositoryFiles
  commit = COMMIT
  faultOf: FaultOf = () => undefined
  /** Answers before anything else does, such as with 401. */
  guard: (request: IncomingMessage) => Fault | undefined = () => undefined
  /**
   * Whether pages of other hosts may read, and which headers they see: as the Hub shows them, or none but those that every
   * page sees. The storage answers no questions about permission, as that of the Hub does not.
   */
  pages: 'none' | 'showing headers' | 'hiding headers' = 'none'
  readonly requests: SeenRequest[] = []
  readonly #server: Server
  readonly #attempts = new Map<string, number>()

  private constructor(files: RepositoryFiles) {
    this.files = files
    this.#server = createServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy())
    })
  }

  static async start(files: RepositoryFiles): Promise<HubServer> {
    const hub = new HubServer(files)
    await new Promise<void>((resolve) => hub.#server.listen(0, '127.0.0.1', resolve))
    return hub
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get storage(): string {
    return `http://localhost:${this.#port}`
  }

  contentRequests(path: string): SeenRequest[] {
    return this.requests.filter(
      ({ url, method }) => method === 'GET' && url.startsWith('/storage/') && url.endsWith(path),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '/', method = 'GET', headers } = request
    const { range, authorization, host = '' } = headers
    this.requests.push({ host, method, url, range, authorization })
    if (this.pages !== 'none') response.setHeader('access-control-allow-origin', '*')
    if (this.pages === 'showing headers') response.setHeader('access-control-expose-headers', SHOWN)
    if (method === 'OPTIONS') return end(response, url.startsWith('/storage/') ? 403 : 204, PERMISSION)
    const fault = this.guard(request)
    if (fault) return end(response, fault.status ?? 500, fault.headers)
    const path = decodeURIComponent(url.split('?')[0] ?? '')
    if (path.startsWith('/api/models/')) return this.#list(path, response)
    const [, file] = /^\/owner\/model\/resolve\/[^/]+\/(.+)$/.exec(path) ?? []
    if (file !== undefined) return this.#resolve(file, request, response)
    const [, stored] = /^\/(?:storage|plain)\/(.+)$/.exec(path) ?? []
    if (stored === undefined) return end(response, 404)
    return this.#send(stored, request, response, etagOf(stored, this.files))
  }

  async #list(path: string, response: ServerResponse): Promise<void> {
    if (!path.startsWith('/api/models/owner/model/revision/'))
      return end(response, 404, { 'x-error-code': 'RepoNotFound' })
    if (!/\/(main|[0-9a-f]{40})$/.test(path)) return end(response, 404, { 'x-error-code': 'RevisionNotFound' })
    const siblings = Object.entries(this.files).map(([rfilename, content]) => {
      const lfs = isLarge(rfilename) ? { sha256: sha256(content), size: content.length, pointerSize: 130 } : undefined
      return { rfilename, size: content.length, blobId: gitChecksum(content), ...(lfs && { lfs }) }
    })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: 'owner/model', sha: this.commit, siblings }))
  }

  async #resolve(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = this.files[file]
    if (!content) return end(response, 404, { 'x-error-code': 'EntryNotFound' })
    response.setHeader('x-repo-commit', this.commit)
    if (!isLarge(file)) return this.#send(file, request, response, `"${gitChecksum(content)}"`)
    response.setHeader('x-linked-etag', `"${sha256(content)}"`)
    response.setHeader('x-linked-size', content.length)
    end(response, 302, { location: `${this.storage}/storage/${encodeURIComponent(file)}` })
  }

  async #send(file: string, request: IncomingMessage, response: ServerResponse, right: string): Promise<void> {
    const { range, 'if-range': ifRange } = request.headers
    const attempt = this.#attempts.get(file) ?? 0
    if (request.method === 'GET') this.#attempts.set(file, attempt + 1)
    const fault = (request.method === 'GET' && this.faultOf({ path: file, range, attempt })) || {}
    const content = fault.content ?? this.files[file]
    if (fault.status) return end(response, fault.status, fault.headers)
    if (!content) return end(response, 404)
    const etag = fault.etag ?? right
    response.setHeader('etag', etag)
    response.setHeader('accept-ranges', 'bytes')
    const isSame = ifRange === undefined || ifRange === etag || fault.ignoreIfRange
    const [, first, last] = (isSame && !fault.ignoreRange && /^bytes=(\d+)-(\d*)$/.exec(range ?? '')) || []
    const start = Number(first ?? 0)
    const stop = last ? Math.min(Number(last) + 1, content.length) : content.length
    if (first !== undefined) {
      if (start >= content.length) return end(response, 416, { 'content-range': `bytes */${content.length}` })
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${start}-${stop - 1}/${content.length}`)
    }
    const body = content.subarray(start, stop)
    if (!fault.isUnmeasured) response.setHeader('content-length', fault.contentLength ?? body.length)
    for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value)
    if (request.method === 'HEAD') return void response.end()
    await writeBody(response, body, fault)
  }
}

async function writeBody(response: ServerResponse, body: Uint8Array, { dropAfter, slowMs, contentLength }: Fault) {
  const part = body.subarray(0, Math.min(dropAfter ?? body.length, contentLength ?? body.length))
  response.flushHeaders()
  const pieces = slowMs === undefined ? 1 : 20
  const step = Math.ceil(part.length / pieces)
  for (let offset = 0; offset < part.length; offset += step) {
    await new Promise<unknown>((resolve) => response.write(part.subarray(offset, offset + step), resolve))
    if (slowMs !== undefined) await new Promise((resolve) => setTimeout(resolve, slowMs))
  }
  const isBroken = dropAfter !== undefined || (contentLength ?? 0) > body.length
  if (!isBroken) return void response.end()
  // fetch forgets what it has received but not yet handed on when the connection breaks.
  await new Promise((resolve) => setTimeout(resolve, 100))
  response.destroy()
}

function end(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, headers)
  response.end()
}

function isLarge(path: string): boolean {
  return /\.(gguf|safetensors)$/.test(path)
}

function etagOf(path: string, files: RepositoryFiles): string {
  return `"s3-${createHash('md5')
    .update(files[path] ?? '')
    .digest('hex')}"`
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

export function gitChecksum(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}
