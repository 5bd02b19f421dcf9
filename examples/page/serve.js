// Serves the page, the engine and the bundled model on this machine, with the headers that give it threads.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The longest prefix that fits says where a file is. */
const FOLDERS = [
  ['/laju/', here('../../packages/engine/dist/browser/')],
  ['/nano/', here('../../packages/nano/')],
  ['/', here('./')],
]

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' }

/** Without these two a browser gives a page no shared memory, and laju one thread. */
const HEADERS = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

function fileOf(path) {
  const wanted = normalize(decodeURIComponent(path === '/' ? '/index.html' : path))
  const [prefix, folder] = FOLDERS.find(([start]) => wanted.startsWith(start)) ?? []
  return folder && join(folder, wanted.slice(prefix.length))
}

async function answer(request, response) {
  const file = fileOf(new URL(request.url ?? '/', 'http://localhost').pathname)
  const found = file && (await stat(file).catch(() => undefined))
  if (!found?.isFile()) return response.writeHead(404, HEADERS).end('There is no such file.')
  const type = TYPES[extname(file)] ?? 'application/octet-stream'
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (first === undefined) {
    response.writeHead(200, {
      ...HEADERS,
      'content-type': type,
      'content-length': found.size,
      'accept-ranges': 'bytes',
    })
    return pipeline(createReadStream(file), response)
  }
  const [start, end] = [Number(first), Math.min(found.size - 1, last === '' ? found.size : Number(last))]
  if (start > end) return response.writeHead(416, { ...HEADERS, 'content-range': `bytes */${found.size}` }).end()
  const range = { 'content-range': `bytes ${start}-${end}/${found.size}`, 'content-length': end - start + 1 }
  response.writeHead(206, { ...HEADERS, 'content-type': type, ...range })
  return pipeline(createReadStream(file, { start, end }), response)
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}`)
})
