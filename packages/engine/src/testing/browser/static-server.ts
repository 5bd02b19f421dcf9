import { open, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** What a path of the server answers with: the content itself, or the path of a file on the disk. */
export type Served = string | Uint8Array | { readonly file: string }

export interface StaticServerOptions {
  /** Headers of every answer, whatever is asked for. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether parts of files can be asked for (RFC 9110, 14); default true. */
  readonly ranges?: boolean
}

/** What makes a page cross-origin isolated, so that it may share memory between threads. */
export const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'cross-origin',
} as const

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.css': 'text/css; charset=utf-8',
}

/** Serves what it is given, on a port of its own of this machine, until it is disposed. */
export class StaticServer {
  /** Paths (`/index.html`) and what they answer with; may be added to at any time. */
  readonly content = new Map<string, Served>()
  /** What has been asked for so far: paths, with the range where only a part was. */
  readonly requests: string[] = []
  readonly #server: Server
  readonly #options: StaticServerOptions

  private constructor(options: StaticServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
  }

  static async start(content: Readonly<Record<string, Served>> = {}, options: StaticServerOptions = {}) {
    const server = new StaticServer(options)
    for (const [path, served] of Object.entries(content)) server.content.set(path, served)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** `http://localhost:port`, without a slash at its end. */
  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const { range } = request.headers
    this.requests.push(range === undefined ? pathname : `${pathname} ${range}`)
    const { headers = {}, ranges = true } = this.#options
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const served = this.content.get(pathname)
    if (served === undefined) {
      response.writeHead(404).end()
      return
    }
    const bytes = typeof served === 'string' ? Buffer.from(served) : served
    const size = 'file' in bytes ? (await stat(bytes.file)).size : bytes.length
    const part = ranges ? partOf(range, size) : undefined
    const { from, to } = part ?? { from: 0, to: size }
    response.setHeader('content-type', typeOf(pathname))
    response.setHeader('content-length', to - from)
    if (ranges) response.setHeader('accept-ranges', 'bytes')
    if (part) response.setHeader('content-range', `bytes ${from}-${to - 1}/${size}`)
    response.writeHead(part ? 206 : 200)
    if (request.method === 'HEAD' || to === from) response.end()
    else if (!('file' in bytes)) response.end(bytes.subarray(from, to))
    else {
      const file = await open(bytes.file)
      await pipeline(file.createReadStream({ start: from, end: to - 1 }), response)
    }
  }
}

function typeOf(path: string): string {
  return TYPES[path.endsWith('/') ? '.html' : extname(path)] ?? 'application/octet-stream'
}

/** The one range that a request asks for, as far as the file reaches. */
function partOf(range: string | undefined, size: number): { from: number; to: number } | undefined {
  const [, from, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (from === undefined || Number(from) >= size) return undefined
  return { from: Number(from), to: last === '' ? size : Math.min(size, Number(last) + 1) }
}
