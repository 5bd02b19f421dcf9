import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DownloadError, LajuError } from '../errors.ts'
import { COMMIT, type Fault, gitChecksum, HubServer, sha256 } from '../testing/hub-server.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import type { DownloadProgress } from './progress.ts'
import { locate, pull } from './pull.ts'

const MODEL = randomBytes(300_000)
const OTHER = randomBytes(300_000)
const CONFIG = new TextEncoder().encode('{"model_type": "qwen3"}')
const FILES = { 'm-Q8_0.gguf': MODEL, 'm-F16.gguf': OTHER, 'README.md': new Uint8Array(10) }
const NAME = 'hf:owner/model:Q8_0'
const PULL = fileURLToPath(new URL('../testing/pull-once.ts', import.meta.url))

/** The pauses that were made, in milliseconds; here they pass twenty times as fast. */
const pauses = vi.hoisted((): number[] => [])
vi.mock('node:timers/promises', async (original) => {
  const { setTimeout } = await original<typeof import('node:timers/promises')>()
  return {
    setTimeout: (milliseconds: number, value: unknown, options: { signal?: AbortSignal }) => {
      pauses.push(milliseconds)
      return setTimeout(milliseconds / 20, value, options)
    },
  }
})

let home: string

async function hub(files: Readonly<Record<string, Uint8Array>> = FILES): Promise<HubServer> {
  const server = await HubServer.start(files)
  vi.stubEnv('HF_ENDPOINT', server.url)
  return server
}

beforeEach(() => {
  pauses.length = 0
  home = temporaryFolder()
  vi.stubEnv('HF_HOME', home)
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'HUGGINGFACE_HUB_CACHE'])
    vi.stubEnv(name, undefined)
})
afterEach(() => vi.unstubAllEnvs())

const repository = () => join(home, 'hub/models--owner--model')
const blobs = () => (existsSync(join(repository(), 'blobs')) ? readdirSync(join(repository(), 'blobs')) : [])

/** Whatever happened: under a final name there is nothing, or the right content. */
function expectNothingWrong(): void {
  for (const name of blobs().filter((blob) => /^[0-9a-f]+$/.test(blob))) {
    const content = readFileSync(join(repository(), 'blobs', name))
    expect(name).toBe(name.length === 64 ? sha256(content) : gitChecksum(content))
  }
}

async function failure(typed: string = NAME): Promise<LajuError> {
  const error = await pull(typed).then(
    () => expect.fail('It arrived.'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(LajuError)
  expect(error).toMatchObject({ message: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) })
  expectNothingWrong()
  return error as LajuError
}

describe('pull', () => {
  it('fetches one quantisation into the standard cache', async () => {
    await using server = await hub()
    const path = await pull(NAME)
    expect(path).toBe(join(repository(), 'snapshots', COMMIT, 'm-Q8_0.gguf'))
    expect(readFileSync(path).equals(MODEL)).toBe(true)
    expect(readlinkSync(path)).toBe(`../../blobs/${sha256(MODEL)}`)
    expect(readFileSync(join(repository(), 'refs/main'), 'utf8')).toBe(COMMIT)
    expect(blobs()).toEqual([sha256(MODEL)])
    expect(server.contentRequests('gguf')).toHaveLength(1)
  })

  it('fetches a folder of safetensors files, small files under the checksum that git gives them', async () => {
    const weights = { 'model-00001-of-00002.safetensors': MODEL, 'model-00002-of-00002.safetensors': OTHER }
    await using _server = await hub({ ...weights, 'config.json': CONFIG, 'tokenizer.json': CONFIG, 'a.bin': MODEL })
    const progress: DownloadProgress[] = []
    const path = await pull('hf:owner/model', { onProgress: (event) => progress.push(event) })
    expect(readdirSync(path).sort()).toEqual(['config.json', ...Object.keys(weights), 'tokenizer.json'])
    expect(readlinkSync(join(path, 'config.json'))).toBe(`../../blobs/${gitChecksum(CONFIG)}`)
    expectNothingWrong()
    const total = MODEL.length + OTHER.length + 2 * CONFIG.length
    expect(progress.at(-1)).toMatchObject({ stage: 'download', loaded: total, total, file: { number: 4, count: 4 } })
    expect(progress.every(({ loaded }, index) => loaded >= (progress[index - 1]?.loaded ?? 0))).toBe(true)
  })

  it('fetches a second time only what has changed', async () => {
    await using server = await hub()
    await pull(NAME)
    await pull(NAME)
    server.commit = 'b'.repeat(40)
    expect(dirname(await pull(NAME))).toBe(join(repository(), 'snapshots', server.commit))
    expect(server.contentRequests('gguf')).toHaveLength(1)
    server.files = { 'm-Q8_0.gguf': OTHER }
    server.commit = 'c'.repeat(40)
    expect(readFileSync(await pull(NAME)).equals(OTHER)).toBe(true)
    expect(server.contentRequests('gguf')).toHaveLength(2)
  })

  it('replaces a blob that another program left too short', async () => {
    await using _server = await hub()
    mkdirSync(join(repository(), 'blobs'), { recursive: true })
    writeFileSync(join(repository(), 'blobs', sha256(MODEL)), MODEL.subarray(0, 10))
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
  })

  it('fetches the file of any address into a folder of our own', async () => {
    await using server = await hub()
    const path = await pull(`${server.storage}/plain/m-Q8_0.gguf`)
    expect(path).toBe(join(home, 'laju', basename(dirname(path)), 'm-Q8_0.gguf'))
    expect(readFileSync(path).equals(MODEL)).toBe(true)
    expect(await locate(`${server.storage}/plain/m-Q8_0.gguf`)).toBe(path)
    expect(server.requests).toHaveLength(1)
  })

  it('takes the address of a file on the Hub for its name', async () => {
    await using server = await hub()
    expect(await pull(`${server.url}/owner/model/resolve/main/m-Q8_0.gguf`)).toBe(await pull(NAME))
  })
})

describe('locate', () => {
  it('takes what is here without asking anybody', async () => {
    await using server = await hub()
    const path = await pull(NAME)
    server.requests.length = 0
    for (const typed of [NAME, 'hf:owner/model:m-Q8_0.gguf', 'hf:owner/model', `hf:owner/model@${COMMIT}:q8_0`]) {
      expect(await locate(typed)).toBe(path)
    }
    expect(server.requests).toEqual([])
  })

  it('completes a folder of which another program has fetched a part', async () => {
    await using _server = await hub({ 'config.json': CONFIG, 'model.safetensors': MODEL, 'tokenizer.json': CONFIG })
    const snapshot = join(repository(), 'snapshots', COMMIT)
    mkdirSync(snapshot, { recursive: true })
    mkdirSync(join(repository(), 'refs'))
    writeFileSync(join(repository(), 'refs/main'), COMMIT)
    writeFileSync(join(snapshot, 'config.json'), CONFIG)
    expect(await locate('hf:owner/model')).toBe(snapshot)
    expect(readdirSync(snapshot)).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
  })

  it('offline, takes what is here and explains what is not', async () => {
    await using server = await hub()
    const path = await pull(NAME)
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    server.requests.length = 0
    expect(await locate(NAME)).toBe(path)
    expect(await failure('hf:owner/model:F16')).toMatchObject({
      code: 'offline',
      remedy: expect.stringMatching(/m-Q8_0\.gguf.*HF_HUB_OFFLINE/),
    })
    expect(await failure('https://example.org/m.gguf')).toMatchObject({ code: 'offline' })
    expect(server.requests).toEqual([])
  })
})

describe('tokens', () => {
  it('go to the Hub and to nobody that it redirects to', async () => {
    await using server = await hub()
    vi.stubEnv('HF_TOKEN', 'hf_secret')
    await pull(NAME)
    const [listing, resolved, stored] = server.requests
    expect([listing, resolved].map((request) => request?.authorization)).toEqual(Array(2).fill('Bearer hf_secret'))
    expect(stored).toMatchObject({ host: new URL(server.storage).host, authorization: undefined })
  })

  it('are read from where the login of Hugging Face puts them', async () => {
    await using server = await hub()
    writeFileSync(join(home, 'token'), 'hf_stored\n')
    await pull(NAME)
    expect(server.requests[0]?.authorization).toBe('Bearer hf_stored')
  })

  it('are not sent to other addresses', async () => {
    await using server = await hub()
    vi.stubEnv('HF_TOKEN', 'hf_secret')
    await pull(`${server.storage}/plain/m-Q8_0.gguf`)
    expect(server.requests[0]?.authorization).toBeUndefined()
  })
})

describe('dropped connections', () => {
  it('at 10 random places, the file arrives whole', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => (attempt < 10 ? { dropAfter: Math.floor(Math.random() * 30_000) } : undefined)
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').length).toBe(11)
  })

  it('of a plain address, the file arrives whole', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => (attempt < 5 ? { dropAfter: 20_000 + attempt * 7919 } : undefined)
    expect(readFileSync(await pull(`${server.storage}/plain/m-Q8_0.gguf`)).equals(MODEL)).toBe(true)
    expect(server.requests.filter(({ range }) => range !== undefined)).toHaveLength(5)
  })

  it('that never get further end with what happened, and the next try goes on', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => ({ dropAfter: attempt === 0 ? 100_000 : 0 })
    expect(await failure()).toMatchObject({ code: 'download-failed', message: expect.stringMatching(/dropped/) })
    server.faultOf = () => undefined
    server.requests.length = 0
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    const from = Number(/^bytes=(\d+)-$/.exec(server.contentRequests('gguf')[0]?.range ?? '')?.[1])
    expect(from).toBeGreaterThan(0)
    expect(blobs()).toEqual([sha256(MODEL)])
  })

  it('under an alternation of any faults, the file arrives whole or not at all', async () => {
    const fault: fc.Arbitrary<Fault> = fc.oneof(
      fc.record({ dropAfter: fc.nat(MODEL.length) }),
      fc.record({ contentLength: fc.nat(2 * MODEL.length) }),
      fc.constant({ content: OTHER }),
      fc.constant({ content: MODEL.subarray(0, 1000) }),
      fc.constant({ ignoreRange: true, dropAfter: 200_000 }),
      fc.constant({ status: 416 }),
      fc.constant({ etag: '"other"', ignoreIfRange: true, content: OTHER, dropAfter: 100_000 }),
    )
    await using server = await hub()
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 3 }), async (faults) => {
        home = temporaryFolder()
        vi.stubEnv('HF_HOME', home)
        let attempt = 0
        server.faultOf = () => faults[attempt++]
        const path = await pull(NAME).catch((error: unknown) => expect(error).toBeInstanceOf(DownloadError))
        if (typeof path === 'string') expect(readFileSync(path).equals(MODEL)).toBe(true)
        expectNothingWrong()
      }),
      { numRuns: 20 },
    )
  })
})

describe('lies and damage', () => {
  it('a wrong byte is found, and the bad file does not stay', async () => {
    await using server = await hub()
    const wrong = Uint8Array.from(MODEL)
    wrong[123_456] ^= 1
    server.faultOf = () => ({ content: wrong })
    expect(await failure()).toMatchObject({ code: 'corrupt-download', message: expect.stringContaining('checksum') })
    expect(blobs()).toEqual([])
    server.faultOf = () => undefined
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
  })

  it('a wrong byte of an earlier download costs a second one', async () => {
    await using server = await hub()
    const wrong = Uint8Array.from(MODEL)
    wrong[5] ^= 1
    server.faultOf = ({ attempt }) => (attempt === 0 ? { content: wrong, dropAfter: 200_000 } : { dropAfter: 0 })
    await failure()
    server.faultOf = () => undefined
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').at(-1)?.range).toBeUndefined()
  })

  it.each([
    ['longer', { contentLength: MODEL.length + 5 }, /should have 300000 bytes, but the server sends 300005/],
    ['shorter', { contentLength: MODEL.length - 5 }, /should have 300000 bytes, but the server sends 299995/],
    ['cut off', { content: MODEL.subarray(0, 1000) }, /should have 300000 bytes, but the server sends 1000/],
  ])('a length that is %s is named', async (_, fault, message) => {
    await using server = await hub()
    server.faultOf = () => fault
    expect(await failure()).toMatchObject({ code: 'corrupt-download', message: expect.stringMatching(message) })
  })

  it('more bytes than the Hub knows of are not kept', async () => {
    await using server = await hub()
    server.faultOf = () => ({ content: Buffer.concat([MODEL, OTHER]), isUnmeasured: true })
    expect(await failure()).toMatchObject({ code: 'corrupt-download', message: expect.stringContaining('longer') })
    expect(blobs()).toEqual([])
  })

  it.each([
    ['more than the file', gzipSync(new Uint8Array(1e8)), /longer/],
    ['nothing', gzipSync(''), /ended after 0|dropped/],
    ['nothing, being none', Uint8Array.of(1, 2, 3), /dropped/],
  ])('an answer that unpacks to %s is not kept', async (_, content, message) => {
    await using server = await hub()
    server.faultOf = () => ({ content, headers: { 'content-encoding': 'gzip' } })
    expect(await failure()).toMatchObject({ message: expect.stringMatching(message) })
    expect(blobs().filter((name) => !name.endsWith('.laju-part'))).toEqual([])
  })

  it('a listing without end is not read to its end', async () => {
    await using _server = await hub()
    const endless = () =>
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 20).fill(0x20)) })
    vi.stubGlobal('fetch', async () => new Response(endless()))
    expect(await failure()).toMatchObject({ code: 'download-failed', message: expect.stringContaining('endless') })
    vi.unstubAllGlobals()
  })

  it('a plain address that does not say its length is refused', async () => {
    await using server = await hub()
    server.faultOf = () => ({ isUnmeasured: true })
    expect(await failure(`${server.storage}/plain/m-Q8_0.gguf`)).toMatchObject({
      code: 'corrupt-download',
      message: expect.stringContaining('without its length'),
    })
  })

  it('a new ETag between two parts: the parts are not joined', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => {
      if (attempt === 0) return { content: OTHER, etag: '"old"', dropAfter: 100_000 }
      return { etag: '"new"', ignoreIfRange: attempt === 1 }
    }
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
  })

  it('a new ETag of a plain address: begins again', async () => {
    await using server = await hub()
    const url = `${server.storage}/plain/m-Q8_0.gguf`
    server.faultOf = ({ attempt }) =>
      attempt < 6 ? { content: OTHER, etag: '"old"', dropAfter: attempt ? 0 : 100_000 } : undefined
    await failure(url)
    server.faultOf = () => undefined
    server.requests.length = 0
    expect(readFileSync(await pull(url)).equals(MODEL)).toBe(true)
    expect(server.requests[0]?.range).toBeDefined()
  })

  it('a plain address without ETag: begins again rather than join', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => ({ etag: 'W/"weak"', ...(attempt === 0 && { dropAfter: 100_000 }) })
    expect(readFileSync(await pull(`${server.storage}/plain/m-Q8_0.gguf`)).equals(MODEL)).toBe(true)
    expect(server.requests.every(({ range }) => range === undefined)).toBe(true)
  })

  it.each([
    ['begins elsewhere', 'bytes 5-299999/300000'],
    ['is of a longer file', 'bytes 100000-300004/300005'],
    ['is of a shorter file', 'bytes 100000-299994/299995'],
    ['does not say what it is', 'bytes'],
  ])('a part that %s is not joined', async (_, range) => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => {
      if (attempt === 0) return { dropAfter: 100_000 }
      return attempt === 1 ? { headers: { 'content-range': range } } : undefined
    }
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').at(-1)?.range).toBeUndefined()
  })

  it('a part that cannot be continued (416) is fetched anew', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => [{ dropAfter: 100_000 }, { status: 416 }][attempt]
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').map(({ range }) => range !== undefined)).toEqual([false, true, false])
  })

  it('a plain address that promises more than it sends is never whole, nor asked for ever', async () => {
    await using server = await hub()
    server.faultOf = () => ({ contentLength: MODEL.length + 5 })
    const url = `${server.storage}/plain/m-Q8_0.gguf`
    expect(await failure(url)).toMatchObject({
      code: expect.stringMatching(/^(download-failed|corrupt-download)$/),
      message: expect.stringMatching(/dropped|416/),
    })
    expect(server.requests.length).toBeLessThan(10)
    expect(readdirSync(join(home, 'laju'), { recursive: true }).map((name) => basename(`${name}`))).not.toContain(
      'm-Q8_0.gguf',
    )
  })

  it('a file that is replaced on the Hub in the meantime is not taken for the old one', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => {
      if (attempt === 0) server.files = { 'm-Q8_0.gguf': OTHER }
      return attempt === 0 ? { content: MODEL, dropAfter: 1000 } : undefined
    }
    expect(await failure()).toMatchObject({ code: 'download-failed', message: expect.stringContaining('changed') })
    expect(readFileSync(await pull(NAME)).equals(OTHER)).toBe(true)
  })

  it('a model larger than the disk is refused before it begins', async () => {
    await using server = await hub()
    const answer = { sha: COMMIT, siblings: [{ rfilename: 'a.gguf', size: 2 ** 52, lfs: { sha256: '0'.repeat(64) } }] }
    vi.stubGlobal('fetch', async () => Response.json(answer))
    expect(await failure()).toMatchObject({ code: 'not-found' })
    expect(await failure('hf:owner/model')).toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/4,503,599,628 MB/),
    })
    vi.unstubAllGlobals()
    expect(server.requests).toEqual([])
  })

  it.each([
    ['no JSON', '<html>', 'is not JSON'],
    ['no commit', '{"siblings": []}', 'no commit'],
    ['no files', JSON.stringify({ sha: COMMIT }), 'no files'],
    [
      'paths that lead out',
      JSON.stringify({ sha: COMMIT, siblings: [{ rfilename: '../../x.gguf', size: 1, blobId: '0'.repeat(40) }] }),
      'no model',
    ],
    [
      'a checksum that is a path',
      JSON.stringify({ sha: COMMIT, siblings: [{ rfilename: 'x.gguf', size: 1, blobId: '../../x' }] }),
      'no model',
    ],
  ])('a listing with %s is refused', async (_, body, message) => {
    vi.stubGlobal('fetch', async () => new Response(body))
    expect(await failure('hf:owner/model')).toMatchObject({ message: expect.stringContaining(message) })
    vi.unstubAllGlobals()
  })
})

describe('refusals', () => {
  it.each([
    [
      'a gated model',
      { status: 403, headers: { 'x-error-code': 'GatedRepo' } },
      'access-denied',
      /licence/,
      /Accept.*HF_TOKEN/,
    ],
    ['no token', { status: 401 }, 'access-denied', /not open/, /HF_TOKEN/],
    ['a repository that is not there', { status: 404 }, 'not-found', /no repository owner\/model/, /spelling/],
    ['trouble', { status: 503 }, 'download-failed', /503/, /later/],
    ['too many requests', { status: 429, headers: { 'retry-after': '0' } }, 'download-failed', /429/, /HF_TOKEN/],
    ['a long wait', { status: 429, headers: { 'retry-after': '7200' } }, 'download-failed', /429/, /120 minutes/],
    ['another status', { status: 418 }, 'download-failed', /418/, /address/],
  ])('%s', async (_, fault, code, message, remedy) => {
    await using server = await hub()
    server.guard = () => fault
    expect(await failure()).toMatchObject({
      code,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    })
  })

  it.each([401, 403, 404, 416, 429, 500])('%i for the content of a file is named', async (status) => {
    await using server = await hub()
    server.faultOf = () => ({ status })
    expect((await failure()).message).toContain(`${status}`)
  })

  it('a token that is refused is named', async () => {
    await using server = await hub()
    vi.stubEnv('HF_TOKEN', 'hf_old')
    server.guard = () => ({ status: 401 })
    const error = await failure()
    expect(error).toMatchObject({ code: 'access-denied', message: expect.stringContaining('token') })
    expect(`${error.message} ${error.remedy}`).not.toContain('hf_old')
  })

  it('a quantisation that is not there: says what is', async () => {
    await using _server = await hub()
    expect(await failure('hf:owner/model:Q2_K')).toMatchObject({
      code: 'not-found',
      remedy: 'It has m-Q8_0.gguf, m-F16.gguf.',
    })
    expect(await failure('hf:owner/model@v9:Q8_0')).toMatchObject({ message: expect.stringContaining('revision "v9"') })
  })

  it('a host that is not there', async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://no-such-host.invalid')
    expect(await failure()).toMatchObject({
      code: 'download-failed',
      message: expect.stringMatching(/not found/),
      remedy: expect.stringMatching(/proxy/),
    })
    const server = await hub()
    await server[Symbol.asyncDispose]()
    expect(await failure()).toMatchObject({ code: 'download-failed', message: expect.stringMatching(/reached/) })
  })

  it('waits as long as a busy server asks', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => (attempt === 0 ? { status: 429, headers: { 'retry-after': '3' } } : undefined)
    await pull(NAME)
    expect(pauses).toEqual([3000])
  })

  it('circles and unsafe redirects', async () => {
    await using server = await hub()
    server.guard = () => ({ status: 302, headers: { location: '/x' } })
    expect(await failure()).toMatchObject({ message: expect.stringContaining('circles') })
    server.guard = () => ({ status: 302, headers: { location: 'file:///etc/passwd' } })
    expect(await failure()).toMatchObject({ message: expect.stringContaining('not safe') })
  })
})

describe('aborting', () => {
  it('ends at once, and the next try goes on', async () => {
    await using server = await hub()
    server.faultOf = () => ({ slowMs: 20 })
    const controller = new AbortController()
    const onProgress = ({ loaded }: DownloadProgress) => loaded > 50_000 && controller.abort()
    await expect(pull(NAME, { signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'aborted' })
    server.faultOf = () => undefined
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').at(-1)?.range).toMatch(/^bytes=\d{5}/)
  })

  it('works before the begin and in a pause', async () => {
    await using server = await hub()
    await expect(pull(NAME, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    server.guard = () => ({ status: 429, headers: { 'retry-after': '100' } })
    await expect(pull(NAME, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('several processes', () => {
  function start(name = NAME): ChildProcess {
    return spawn(process.execPath, ['--conditions=laju-source', PULL, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  }

  async function pathFrom({ stdout }: ChildProcess): Promise<string> {
    return (await text(stdout as NodeJS.ReadableStream)).split('\n').at(-2) ?? ''
  }

  it('fetch the same file once, and all get it', async () => {
    await using server = await hub()
    server.faultOf = () => ({ slowMs: 50 })
    const paths = await Promise.all([start(), start(), start()].map(pathFrom))
    for (const path of paths) expect(readFileSync(path).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf')).toHaveLength(1)
    expect(blobs()).toEqual([sha256(MODEL)])
  })

  it('fetch the same plain address once, and all get it', async () => {
    await using server = await hub()
    server.faultOf = () => ({ slowMs: 50 })
    const url = `${server.storage}/plain/m-Q8_0.gguf`
    const paths = await Promise.all([start(url), start(url)].map(pathFrom))
    for (const path of paths) expect(readFileSync(path).equals(MODEL)).toBe(true)
    expect(server.requests).toHaveLength(1)
    expect(readdirSync(dirname(paths[0] ?? '')).sort()).toEqual(['m-Q8_0.gguf', 'source.json'])
  })

  it('share a connection that drops again and again', async () => {
    await using server = await hub()
    server.faultOf = ({ attempt }) => (attempt < 10 ? { dropAfter: 20_000 + 977 * attempt, slowMs: 2 } : undefined)
    const paths = await Promise.all([start(), start()].map(pathFrom))
    for (const path of paths) expect(readFileSync(path).equals(MODEL)).toBe(true)
    expectNothingWrong()
    expect(blobs()).toEqual([sha256(MODEL)])
  })

  it('go on where one was killed', async () => {
    await using server = await hub()
    server.faultOf = () => ({ slowMs: 50 })
    const child = start()
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    await vi.waitUntil(() => blobs().some((name) => statSync(join(repository(), 'blobs', name)).size > 50_000), 10_000)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    expect(blobs().every((name) => name.endsWith('.laju-part'))).toBe(true)
    server.faultOf = () => undefined
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
    expect(server.contentRequests('gguf').at(-1)?.range).toMatch(/^bytes=\d{5}/)
    expect(blobs()).toEqual([sha256(MODEL)])
  })

  it('take over from one on another machine only when it has been still for long', async () => {
    await using _server = await hub()
    mkdirSync(join(repository(), 'blobs'), { recursive: true })
    const part = join(repository(), 'blobs', `${sha256(MODEL)}.00000000-1-ab.laju-part`)
    writeFileSync(part, MODEL.subarray(0, 1000))
    await expect(pull(NAME, { signal: AbortSignal.timeout(600) })).rejects.toMatchObject({ code: 'aborted' })
    utimesSync(part, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000))
    expect(readFileSync(await pull(NAME)).equals(MODEL)).toBe(true)
  })
})
