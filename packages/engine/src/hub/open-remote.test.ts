import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { inspect } from '../client/inspect.ts'
import { LajuError } from '../errors.ts'
import { type Fault, HubServer } from '../testing/hub-server.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { pull } from './pull.ts'
import { RemoteSource } from './remote-source.ts'

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const NANO_FOLDER = fileURLToPath(new URL('../../../nano/fixtures/hf', import.meta.url))
const BYTES = new Uint8Array(readFileSync(NANO))
const NAME = 'hf:owner/model:Q8_0'

vi.mock('node:timers/promises', async (original) => {
  const { setTimeout } = await original<typeof import('node:timers/promises')>()
  return { setTimeout: (milliseconds: number, ...rest: []) => setTimeout(milliseconds / 20, ...rest) }
})

let home: string

beforeEach(() => {
  home = temporaryFolder()
  vi.stubEnv('HF_HOME', home)
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'HUGGINGFACE_HUB_CACHE'])
    vi.stubEnv(name, undefined)
})
afterEach(() => vi.unstubAllEnvs())

async function hub(files: Readonly<Record<string, Uint8Array>> = { 'm-Q8_0.gguf': BYTES }): Promise<HubServer> {
  const server = await HubServer.start(files)
  vi.stubEnv('HF_ENDPOINT', server.url)
  return server
}

/** Bytes that were asked for of files' contents; NaN if any was asked for whole. */
function fetched({ requests }: HubServer): number {
  const asked = requests.filter(({ url }) => !url.startsWith('/api/') && !url.includes('/resolve/'))
  return asked.reduce((sum, { range }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    return sum + Number(last) + 1 - Number(first)
  }, 0)
}

async function failure(typed: string): Promise<LajuError> {
  const error = await inspect(typed).then(
    () => expect.fail('It was looked at.'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(LajuError)
  expect(error).toMatchObject({ message: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) })
  return error as LajuError
}

describe('a model that is not here is looked at where it is', () => {
  it('a GGUF file of the Hub: its header alone, and it says what a download would be', async () => {
    // What lies behind the header must not be asked for.
    const large = new Uint8Array(BYTES.length + 30_000_000)
    large.set(BYTES)
    await using server = await hub({ 'm-Q8_0.gguf': large })
    const { name, download, ...info } = await inspect(NAME)
    const { name: _, download: none, ...local } = await inspect(NANO)
    expect(info).toEqual(local)
    expect([name, download, none]).toEqual(['nano', large.length, undefined])
    expect(fetched(server)).toBeLessThan(2_000_000)
    expect(existsSync(join(home, 'hub'))).toBe(false)
  })

  it('a folder of safetensors files, without its tokenizer', async () => {
    const names = readdirSync(NANO_FOLDER)
    const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(NANO_FOLDER, name)))]))
    await using server = await hub(files)
    const { name, download, ...info } = await inspect('hf:owner/model')
    const { name: _, download: __, ...local } = await inspect(NANO_FOLDER)
    expect(info).toEqual(local)
    expect(name).toBe('owner/model')
    expect(download).toBe(Object.values(files).reduce((sum, { length }) => sum + length, 0))
    expect(fetched(server)).toBeLessThan(100_000)
    expect(server.requests.map(({ url }) => url).join()).not.toContain('tokenizer.json')
    // What a program has fetched of it need not be fetched again.
    await pull('hf:owner/model')
    expect((await inspect('hf:owner/model')).download).toBeUndefined()
  })

  it('a split GGUF file, in a folder of the repository', async () => {
    const part = (number: number) => {
      const fields = [
        { key: 'split.no', type: GGUF.U16, value: number },
        { key: 'split.count', type: GGUF.U16, value: 2 },
      ]
      return writeGguf({ fields })
    }
    await using server = await hub({ 'Q8_0/m-00001-of-00002.gguf': part(0), 'Q8_0/m-00002-of-00002.gguf': part(1) })
    // Both parts are opened; only then is it seen that there is no model in them.
    expect(await failure(NAME)).toMatchObject({ code: 'unsupported-architecture' })
    expect(server.requests.filter(({ url }) => url.includes('00002-of'))).not.toEqual([])
  })

  it('but for an adapter, which is told from a model', async () => {
    const folder = fileURLToPath(new URL('../architectures/fixtures/adapters/llama-attention', import.meta.url))
    const names = readdirSync(folder)
    await using _server = await hub(
      Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))])),
    )
    expect(await failure('hf:owner/model')).toMatchObject({ code: 'is-an-adapter' })
  })

  it('the file of any address, without the token', async () => {
    await using server = await hub()
    vi.stubEnv('HF_TOKEN', 'hf_secret')
    const info = await inspect(`${server.storage}/plain/m-Q8_0.gguf`)
    expect(info).toMatchObject({ name: 'nano', download: BYTES.length })
    expect(server.requests.map(({ authorization }) => authorization)).not.toContain('Bearer hf_secret')
    expect(server.requests.every(({ range }) => range !== undefined)).toBe(true)
  })

  it('the token goes to the Hub, and to nobody that it redirects to', async () => {
    await using server = await hub()
    vi.stubEnv('HF_TOKEN', 'hf_secret')
    await inspect(NAME)
    for (const { url, authorization } of server.requests) {
      expect(authorization).toBe(url.startsWith('/storage/') ? undefined : 'Bearer hf_secret')
    }
  })

  it('but what is here is looked at here', async () => {
    await using server = await hub()
    await pull(NAME)
    await pull(`${server.storage}/plain/m-Q8_0.gguf`)
    server.requests.length = 0
    for (const typed of [NAME, 'hf:owner/model', `${server.storage}/plain/m-Q8_0.gguf`]) {
      expect((await inspect(typed)).download).toBeUndefined()
    }
    expect(server.requests).toEqual([])
  })

  it('offline, nobody is asked', async () => {
    await using server = await hub()
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    expect(await failure(NAME)).toMatchObject({ code: 'offline' })
    expect(await failure('https://example.org/m.gguf')).toMatchObject({ code: 'offline' })
    expect(server.requests).toEqual([])
  })
})

describe('servers', () => {
  it('that give whole files only are named, with the way out', async () => {
    await using server = await hub()
    server.faultOf = () => ({ ignoreRange: true })
    for (const typed of [NAME, `${server.storage}/plain/m-Q8_0.gguf`]) {
      expect(await failure(typed)).toMatchObject({
        code: 'no-ranges',
        message: expect.stringContaining('whole only'),
        remedy: expect.stringContaining('laju pull'),
      })
    }
  })

  it('that give whole files only are good enough for short files', async () => {
    await using server = await hub({ 'm-Q8_0.gguf': writeGguf({}) })
    server.faultOf = () => ({ ignoreRange: true })
    expect(await failure(NAME)).toMatchObject({ code: 'unsupported-architecture' })
  })

  it('that drop the connection are asked again', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => (attempt % 3 < 2 ? { dropAfter: 5000 * attempt } : undefined)
    expect((await inspect(NAME)).name).toBe('nano')
  })

  it.each<[string, Fault, string, RegExp]>([
    ['401', { status: 401 }, 'access-denied', /401/],
    ['404', { status: 404 }, 'not-found', /404/],
    ['416', { status: 416 }, 'download-failed', /416/],
    ['429', { status: 429, headers: { 'retry-after': '7200' } }, 'download-failed', /429/],
    ['503', { status: 503 }, 'download-failed', /503/],
    ['another part', { headers: { 'content-range': 'bytes 5-65535/1266080' } }, 'download-failed', /other parts/],
    ['no name of the part', { headers: { 'content-range': 'bytes' } }, 'download-failed', /other parts/],
    ['a packed part', { headers: { 'content-encoding': 'br' } }, 'download-failed', /other parts|dropped/],
    [
      'a part of a longer file',
      { headers: { 'content-range': 'bytes 0-65535/9999999' } },
      'download-failed',
      /changed/,
    ],
    ['less than they say', { contentLength: 70_000 }, 'download-failed', /dropped|ended/],
    ['nothing', { dropAfter: 0 }, 'download-failed', /dropped/],
    [
      'another file',
      { content: new TextEncoder().encode('<!doctype html>'.padEnd(2_000_000)) },
      'download-failed',
      /changed/,
    ],
  ])('that answer with %s get a name', async (_, fault, code, message) => {
    await using server = await hub()
    server.faultOf = () => fault
    expect(await failure(NAME)).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('that send more than was asked for are not listened to', async () => {
    await using server = await hub()
    server.faultOf = () => ({ ignoreRange: true, headers: { 'content-range': `bytes 0-65535/${BYTES.length}` } })
    vi.stubGlobal('fetch', async (...given: Parameters<typeof fetch>) => {
      const response = await fetchOriginal(...given)
      return response.status === 200 && response.headers.has('content-range')
        ? new Response(response.body, { status: 206, headers: response.headers })
        : response
    })
    expect(await failure(NAME)).toMatchObject({ message: expect.stringContaining('longer parts') })
    vi.unstubAllGlobals()
  })

  it('whose file changes between two parts are found out', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => ({ etag: `"${attempt}"` })
    expect(await failure(NAME)).toMatchObject({ message: expect.stringContaining('changed') })
  })
})

const fetchOriginal = globalThis.fetch

describe('RemoteSource', () => {
  it('reads any range, and what follows a short one without asking again', async () => {
    await using server = await hub()
    const source = await RemoteSource.open({ name: 'm', url: `${server.storage}/plain/m-Q8_0.gguf` })
    expect(source.size).toBe(BYTES.length)
    for (const [offset, length] of [
      [0, 10],
      [BYTES.length - 5, 5],
      [700_000, 300_000],
      [5, 0],
      [1_000_000, 3],
    ] as const) {
      const target = new Uint8Array(length)
      await source.read(offset, target)
      expect(target).toEqual(BYTES.slice(offset, offset + length))
    }
    const before = server.requests.length
    await source.read(1_000_100, new Uint8Array(60_000))
    expect(server.requests.length).toBe(before)
    await expect(source.read(BYTES.length - 5, new Uint8Array(6))).rejects.toMatchObject({ code: 'truncated' })
    await expect(source.read(0, new Uint8Array(70_000), AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })
})
