import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { BrowserBench } from '../testing/browser/browser-bench.ts'
import { BROWSERS, hasBrowser } from '../testing/browser/browsers.ts'
import { StorePage } from '../testing/browser/store-page.ts'
import { COMMIT, gitChecksum, HubServer, sha256 } from '../testing/hub-server.ts'
import { tensorChecksum } from '../testing/tensor-checksum.ts'
import { openCheckpoint } from './open-checkpoint.ts'

const MODEL = randomBytes(600_000)
const OTHER = randomBytes(300_000)
const CONFIG = new TextEncoder().encode('{"model_type": "qwen3"}')
const NANO_PATH = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const NANO = new Uint8Array(readFileSync(NANO_PATH))
const NAME = 'hf:owner/model:Q8_0'
const FOLDER = 'opfs:/laju/hub/models--owner--model'
const BLOB = `${FOLDER}/blobs/${sha256(MODEL)}`

for (const browser of BROWSERS) {
  describe.skipIf(!hasBrowser(browser))(`the store of a site in ${browser}`, () => {
    let bench: BrowserBench
    const opened: AsyncDisposable[] = []

    beforeAll(async () => {
      bench = await BrowserBench.start(browser)
    })
    afterAll(() => bench?.[Symbol.asyncDispose]())
    afterEach(async () => {
      await using page = await StorePage.open(bench)
      for (const resource of opened.splice(0)) await resource[Symbol.asyncDispose]()
      await vi.waitUntil(
        () =>
          page.call('clear').then(
            () => true,
            () => false,
          ),
        10_000,
      )
    })

    async function tab(): Promise<StorePage> {
      const page = await StorePage.open(bench)
      opened.push(page)
      return page
    }

    /** A Hub under other hosts than that of the page. */
    async function hub(files: Readonly<Record<string, Uint8Array>> = { 'm-Q8_0.gguf': MODEL }): Promise<HubServer> {
      const server = await HubServer.start(files)
      server.pages = 'hiding headers'
      opened.push(server)
      return server
    }

    async function failure(promise: Promise<unknown>) {
      const error = await promise.then(
        () => expect.fail('It went well.'),
        (error: unknown) => error,
      )
      expect(error).toMatchObject({ message: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) })
      return error
    }

    /** Waits until a tab that is at it has so much of the model. */
    async function arrived(page: StorePage, share: number): Promise<void> {
      await vi.waitUntil(async () => (await page.call('progress')) > share * MODEL.length, { timeout: 10_000 })
    }

    it.each(['hiding headers', 'showing headers'] as const)('keeps what a Hub sends that is %s', async (pages) => {
      const server = await hub({ 'm-Q8_0.gguf': MODEL, 'm-F16.gguf': OTHER })
      server.pages = pages
      const page = await tab()
      const path = await page.call('pull', NAME, { endpoint: server.url })
      expect(path).toBe(`${FOLDER}/snapshots/${COMMIT}/m-Q8_0.gguf`)
      expect(await page.call('sha256', BLOB)).toBe(sha256(MODEL))
      const files = await page.call('files')
      expect(files).toEqual({
        [BLOB]: MODEL.length,
        [`${BLOB}.whole`]: 0,
        [`${FOLDER}/record.json`]: expect.any(Number),
      })
      // The storage would not have answered a question about permission.
      expect(server.requests.map(({ method }) => method)).not.toContain('OPTIONS')
      server.requests.length = 0
      expect(await page.call('locate', NAME, {})).toBe(path)
      expect(await page.call('locate', 'hf:owner/model', {})).toBe(path)
      expect(server.requests).toEqual([])
      expect(await page.call('list')).toEqual([{ name: 'hf:owner/model:m-Q8_0.gguf', bytes: MODEL.length, path }])
    })

    it('keeps folders, with small files under the checksum that git gives them', async () => {
      const weights = { 'model-00001-of-00002.safetensors': MODEL, 'model-00002-of-00002.safetensors': OTHER }
      const server = await hub({ ...weights, 'config.json': CONFIG, 'tokenizer.json': CONFIG, 'x.bin': MODEL })
      const page = await tab()
      await page.call('pull', 'hf:owner/model', { endpoint: server.url })
      const blobs = Object.keys(await page.call('files')).filter((path) => path.includes('/blobs/'))
      const names = [sha256(MODEL), sha256(OTHER), gitChecksum(CONFIG)].flatMap((name) => [name, `${name}.whole`])
      expect(blobs.sort()).toEqual(names.map((name) => `${FOLDER}/blobs/${name}`).sort())
      expect(await page.call('progress')).toBe(MODEL.length + OTHER.length + 2 * CONFIG.length)
    })

    it('opens a model that it keeps, also for several at once', async () => {
      const server = await hub({ 'sub/m-Q8_0.gguf': NANO })
      const page = await tab()
      const path = await page.call('pull', NAME, { endpoint: server.url })
      expect(await page.call('open', path)).toBe('nano')
      const blob = `${FOLDER}/blobs/${sha256(NANO)}`
      expect(await page.call('openTwice', blob)).toEqual([NANO.length, NANO.length])
      const other = await tab()
      await other.call('hold', blob)
      expect(await page.call('open', path)).toBe('nano')
      expect(await page.call('open', blob)).toBe('nano')
    })

    it('names what it does not have', async () => {
      const page = await tab()
      const paths = [
        'opfs:/none',
        'opfs:/none/m.gguf',
        `${FOLDER}/snapshots/${COMMIT}/m.gguf`,
        'opfs:/..',
        '/etc/passwd',
      ]
      for (const path of paths) {
        expect(await failure(page.call('open', path))).toMatchObject({ code: 'not-found', file: path })
      }
    })

    it('tells when a file goes away or gets shorter while it is read', async () => {
      const page = await tab()
      expect(await page.call('readChanged', 'opfs:/changed', 'removed')).toMatch(/^(not-found|read-failed)$/)
      expect(await page.call('readChanged', 'opfs:/changed', 'shorter')).toMatch(/^(truncated|read-failed)$/)
    })

    it('goes on at 40 % when the page was closed there, and checks it all', async () => {
      const server = await hub()
      server.faultOf = () => ({ slowMs: 100 })
      const first = await tab()
      void first.call('pull', NAME, { endpoint: server.url }).catch(() => {})
      await arrived(first, 0.4)
      await first[Symbol.asyncDispose]()
      const second = await tab()
      expect(await second.call('list')).toEqual([])
      server.faultOf = () => undefined
      await second.call('pull', NAME, { endpoint: server.url })
      expect(await second.call('sha256', BLOB)).toBe(sha256(MODEL))
      const ranges = server.contentRequests('gguf').map(({ range }) => range)
      expect(ranges).toHaveLength(2)
      expect(Number(/^bytes=(\d+)-$/.exec(ranges[1] ?? '')?.[1])).toBeGreaterThan(0.4 * MODEL.length)
    })

    it('fetches anew what was damaged while the page was closed', async () => {
      const server = await hub()
      server.faultOf = ({ attempt }) => (attempt === 0 ? { dropAfter: 250_000, slowMs: 5 } : { dropAfter: 0 })
      const page = await tab()
      await failure(page.call('pull', NAME, { endpoint: server.url }))
      await page.call('damage', BLOB, 5)
      server.faultOf = () => undefined
      await page.call('pull', NAME, { endpoint: server.url })
      expect(await page.call('sha256', BLOB)).toBe(sha256(MODEL))
      expect(server.contentRequests('gguf').at(-1)?.range).toBe('bytes=0-')
    })

    it('fetches again only what is gone', async () => {
      const server = await hub()
      const page = await tab()
      const options = { endpoint: server.url }
      const path = await page.call('pull', NAME, options)
      // Without its record, the file is found by its checksum.
      await page.call('overwrite', `${FOLDER}/record.json`, '{"snapshots": [')
      expect(await page.call('list')).toEqual([])
      expect(await page.call('locate', NAME, options)).toBe(path)
      expect(server.contentRequests('gguf')).toHaveLength(1)
      // What is not said to be whole is checked.
      await page.call('removeFile', `${BLOB}.whole`)
      expect(await page.call('list')).toEqual([])
      expect(await page.call('locate', NAME, options)).toBe(path)
      expect(server.contentRequests('gguf')).toHaveLength(1)
      await page.call('removeFile', BLOB)
      expect(await page.call('list')).toEqual([])
      expect(await page.call('locate', NAME, options)).toBe(path)
      expect(server.contentRequests('gguf')).toHaveLength(2)
      expect(await page.call('sha256', BLOB)).toBe(sha256(MODEL))
    })

    it('names the way out where the browser keeps nothing, which works', async () => {
      const server = await hub({ 'm-Q8_0.gguf': NANO })
      const page = await tab()
      await page.call('pretendInsecure')
      const expected = await tensorChecksum(await openCheckpoint(NANO_PATH))
      for (const name of [NAME, `${server.storage}/plain/m-Q8_0.gguf`]) {
        expect(await failure(page.call('locate', name, { endpoint: server.url }))).toMatchObject({
          code: 'read-failed',
          remedy: expect.stringMatching(/https.*store: false/),
        })
        expect(await page.call('checksumUnstored', name, { endpoint: server.url })).toBe(expected)
      }
      expect(await page.call('list')).toEqual([])
    })

    it('finds a wrong byte, and keeps nothing of it', async () => {
      const server = await hub()
      const wrong = Uint8Array.from(MODEL)
      wrong[123_456] ^= 1
      server.faultOf = () => ({ content: wrong })
      const page = await tab()
      expect(await failure(page.call('pull', NAME, { endpoint: server.url }))).toMatchObject({
        code: 'corrupt-download',
        message: expect.stringContaining('checksum'),
      })
      expect(await page.call('files')).toEqual({})
    })

    it('fetches once what two tabs want at once', async () => {
      const server = await hub()
      server.faultOf = () => ({ slowMs: 60 })
      const tabs = [await tab(), await tab()] as const
      const pulls = tabs.map((page) => page.call('pull', NAME, { endpoint: server.url }))
      // Who waits sees how far the other is.
      await Promise.all(tabs.map((page) => arrived(page, 0.4)))
      const [path, other] = await Promise.all(pulls)
      expect(path).toBe(other)
      expect(server.contentRequests('gguf')).toHaveLength(1)
      expect(await tabs[1].call('sha256', BLOB)).toBe(sha256(MODEL))
    })

    it('lets the second tab go on where the first was closed', async () => {
      const server = await hub()
      server.faultOf = () => ({ slowMs: 100 })
      const first = await tab()
      void first.call('pull', NAME, { endpoint: server.url }).catch(() => {})
      await arrived(first, 0.2)
      const second = await tab()
      const pulled = second.call('pull', NAME, { endpoint: server.url })
      await arrived(second, 0.3)
      server.faultOf = () => undefined
      await first[Symbol.asyncDispose]()
      await pulled
      expect(await second.call('sha256', BLOB)).toBe(sha256(MODEL))
      const [, range] = server.contentRequests('gguf').map((request) => request.range)
      expect(Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1])).toBeGreaterThan(0.3 * MODEL.length)
      expect(server.contentRequests('gguf')).toHaveLength(2)
    })

    it('keeps the file of any address', async () => {
      const server = await hub()
      const url = `${server.storage}/plain/m-Q8_0.gguf`
      server.pages = 'showing headers'
      server.faultOf = ({ attempt }) => (attempt === 0 ? { dropAfter: 250_000, slowMs: 5 } : undefined)
      const page = await tab()
      const path = await page.call('locate', url, {})
      expect(path).toMatch(/^opfs:\/laju\/files\/[0-9a-f]{16}\/m-Q8_0\.gguf$/)
      expect(await page.call('sha256', path)).toBe(sha256(MODEL))
      // It went on where the connection broke, since the ETag was the same.
      expect(server.requests.map(({ range }) => range)).toEqual([
        'bytes=0-',
        expect.stringMatching(/^bytes=[1-9]\d+-$/),
      ])
      expect(await page.call('list')).toEqual([{ name: url, bytes: MODEL.length, path }])
      await page.call('remove', url)
      expect(await page.call('files')).toEqual({})
    })

    it('joins no parts of the file of an address whose server hides its ETag', async () => {
      const server = await hub()
      server.faultOf = ({ attempt }) => (attempt === 0 ? { dropAfter: 250_000, slowMs: 5 } : undefined)
      const page = await tab()
      const path = await page.call('locate', `${server.storage}/plain/m-Q8_0.gguf`, {})
      expect(await page.call('sha256', path)).toBe(sha256(MODEL))
      expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-', 'bytes=0-'])
    })

    it('removes what is named, and nothing while it is in use', async () => {
      const server = await hub({ 'm-Q8_0.gguf': MODEL, 'm-F16.gguf': OTHER })
      const page = await tab()
      for (const name of [NAME, 'hf:owner/model:F16']) await page.call('pull', name, { endpoint: server.url })
      const other = await tab()
      await other.call('hold', BLOB)
      expect(await failure(page.call('remove', NAME))).toMatchObject({ code: 'busy' })
      expect(await page.call('list')).toHaveLength(2)
      await other[Symbol.asyncDispose]()
      await vi.waitUntil(
        () =>
          page.call('remove', NAME).then(
            () => true,
            () => false,
          ),
        10_000,
      )
      expect((await page.call('list')).map(({ name }) => name)).toEqual(['hf:owner/model:m-F16.gguf'])
      expect(Object.keys(await page.call('files'))).not.toContain(BLOB)
      expect(await failure(page.call('remove', NAME))).toMatchObject({ code: 'not-found' })
      await page.call('remove', 'hf:owner/model')
      expect(await page.call('files')).toEqual({})
    })

    it.each(['hiding headers', 'showing headers'] as const)('runs without storing, from a server %s', async (pages) => {
      const server = await hub({ 'm-Q8_0.gguf': NANO })
      server.pages = pages
      const expected = await tensorChecksum(await openCheckpoint(NANO_PATH))
      const page = await tab()
      for (const name of [NAME, `${server.storage}/plain/m-Q8_0.gguf`]) {
        expect(await page.call('checksumUnstored', name, { endpoint: server.url })).toBe(expected)
      }
      expect(await page.call('files')).toEqual({})
      expect(server.requests.map(({ method }) => method)).not.toContain('OPTIONS')
    })

    it('says when a server cannot be reached, or lets no page read', async () => {
      const server = await hub()
      server.pages = 'none'
      const page = await tab()
      expect(await failure(page.call('pull', NAME, { endpoint: server.url }))).toMatchObject({
        code: 'download-failed',
        remedy: expect.stringContaining('Access-Control-Allow-Origin'),
      })
    })

    it('takes a token for a model that is not open to all', async () => {
      const server = await hub()
      server.guard = ({ url = '', headers, method }) =>
        method === 'GET' && !url.startsWith('/storage/') && headers.authorization !== 'Bearer hf_mine'
          ? { status: 401 }
          : undefined
      const page = await tab()
      expect(await failure(page.call('pull', NAME, { endpoint: server.url }))).toMatchObject({
        code: 'access-denied',
        remedy: expect.stringContaining('`token`'),
      })
    })

    it('says what is needed, what is free and the ways out, before it begins', async () => {
      const server = await hub({ 'm-Q8_0.gguf': new Uint8Array(20_000_000) })
      const page = await tab()
      await page.call('claimRoom', 5_999_999)
      expect(await failure(page.call('pull', NAME, { endpoint: server.url }))).toMatchObject({
        code: 'disk-full',
        message: 'The model needs 20 MB more, but the browser has room for 5 MB of this site.',
        remedy: expect.stringMatching(/store: false.*Q4_0.*removeDownloads/),
      })
      expect(server.contentRequests('gguf')).toEqual([])
    })

    // Firefox cannot be told how much a site may keep.
    it.skipIf(browser === 'firefox')(
      'keeps what has arrived when the room is used up, and goes on from there',
      async () => {
        const large = randomBytes(20_000_000)
        const server = await hub({ 'm-Q8_0.gguf': large })
        server.faultOf = () => ({ slowMs: 30 })
        const page = await tab()
        const session = await page.tab.page.createCDPSession()
        const { origin } = bench.plain
        await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 8_000_000 })
        // Chromium tells pages of 10 GiB all the same.
        expect(await failure(page.call('pull', NAME, { endpoint: server.url }))).toMatchObject({
          code: 'disk-full',
          message: expect.stringMatching(
            /^The model needs 1\d MB more, but the browser has no more room for this site, which uses [4-8] MB\.$/,
          ),
          remedy: expect.stringMatching(/store: false.*What has arrived is kept/),
        })
        await session.send('Storage.overrideQuotaForOrigin', { origin })
        server.faultOf = () => undefined
        await page.call('pull', NAME, { endpoint: server.url })
        expect(server.contentRequests('gguf').at(-1)?.range).toMatch(/^bytes=[3-8]\d{6}-$/)
        expect(await page.call('sha256', `${FOLDER}/blobs/${sha256(large)}`)).toBe(sha256(large))
      },
    )
  })
}
