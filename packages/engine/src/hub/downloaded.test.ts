import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { gitChecksum, HubServer, sha256 } from '../testing/hub-server.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { findDownloads, listDownloads, removeDownloads } from './downloaded.ts'
import { openCheckpoint } from './open-checkpoint.ts'
import { locate, pull } from './pull.ts'

/** A recording: made by Python's huggingface_hub, see fixtures/README.md. Few machines that test have Python. */
const PYTHON = fileURLToPath(new URL('./fixtures/python-cache', import.meta.url))
const FOLDER = 'hf:owner/model'
const Q8 = 'hf:owner/model:m-Q8_0.gguf'
const F16 = 'hf:owner/model:sub/m-F16.gguf'

let cache: string

beforeEach(() => {
  cache = join(temporaryFolder(), 'hub')
  cpSync(PYTHON, cache, { recursive: true, verbatimSymlinks: true })
  vi.stubEnv('HF_HUB_CACHE', cache)
  vi.stubEnv('HF_HUB_OFFLINE', '1')
  vi.stubEnv('HF_ENDPOINT', 'https://hub.invalid')
})
afterEach(() => vi.unstubAllEnvs())

const repository = () => join(cache, 'models--owner--model')
const PATHS = ['config.json', 'm-Q8_0.gguf', 'model.safetensors', 'sub/m-F16.gguf', 'tokenizer.json']

/** A Hub with the repository that the recording is of. */
function recordedHub(): Promise<HubServer> {
  return HubServer.start(
    Object.fromEntries(PATHS.map((path) => [path, new Uint8Array(readFileSync(join(snapshot(), path)))])),
  )
}

const snapshot = () => join(repository(), 'snapshots', 'a'.repeat(40))
const names = async () => (await listDownloads()).map(({ name }) => name).sort()

/** Windows checks links out as text. */
describe.skipIf(process.platform === 'win32')("the cache of Python's huggingface_hub", () => {
  it.each([
    [Q8, 'gguf'],
    ['hf:owner/model:Q8_0', 'gguf'],
    [F16, 'gguf'],
    ['hf:owner/model:f16', 'gguf'],
    [FOLDER, 'safetensors'],
  ])('has %s, without the net', async (name, format) => {
    const checkpoint = await openCheckpoint(await locate(name))
    await checkpoint.close()
    expect(checkpoint.format).toBe(format)
  })

  it('looks the same when we fill it', async () => {
    await using server = await recordedHub()
    const ours = join(temporaryFolder(), 'hub')
    vi.stubEnv('HF_HUB_CACHE', ours)
    vi.stubEnv('HF_HUB_OFFLINE', '')
    vi.stubEnv('HF_ENDPOINT', server.url)
    for (const name of [FOLDER, Q8, F16]) await pull(name)
    // With what each link leads to, and the content of each file.
    expect(contentOf(ours)).toEqual(contentOf(PYTHON))
  })

  it.skipIf(!process.env.LAJU_PYTHON)('is still made as it was recorded', async () => {
    await using server = await recordedHub()
    const made = join(temporaryFolder(), 'hub')
    const fetch = `import sys, huggingface_hub as hub
for path in sys.argv[1:]: hub.hf_hub_download('owner/model', path)`
    const env = {
      ...process.env,
      HF_ENDPOINT: server.url,
      HF_HUB_CACHE: made,
      HF_HUB_OFFLINE: '',
      HF_HUB_DISABLE_XET: '1',
    }
    await promisify(execFile)(process.env.LAJU_PYTHON ?? '', ['-c', fetch, ...PATHS], { env })
    expect(contentOf(join(made, 'models--owner--model'))).toEqual(contentOf(join(PYTHON, 'models--owner--model')))
    vi.stubEnv('HF_HUB_CACHE', made)
    expect(await names()).toEqual([FOLDER, Q8, F16])
    await removeDownloads(FOLDER)
    expect(await names()).toEqual([])
  })

  it('is listed with names, paths, sizes and dates', async () => {
    expect(await names()).toEqual([FOLDER, Q8, F16])
    const model = (await listDownloads()).find(({ name }) => name === Q8)
    expect(model).toMatchObject({ path: join(snapshot(), 'm-Q8_0.gguf'), date: expect.any(Date) })
    expect(model?.bytes).toBe(readFileSync(join(snapshot(), 'm-Q8_0.gguf')).length)
    for (const { name, path } of await listDownloads()) expect(await locate(name)).toBe(path)
  })

  it('is not listed where the content of a link is gone', async () => {
    rmSync(join(repository(), 'blobs', sha256(readFileSync(join(snapshot(), 'm-Q8_0.gguf')))))
    expect(await names()).toEqual([FOLDER, F16])
  })

  it('loses one model by its name, and nothing else', async () => {
    const blob = join(repository(), 'blobs', sha256(readFileSync(join(snapshot(), 'sub/m-F16.gguf'))))
    expect((await findDownloads('hf:owner/model:F16')).map(({ name }) => name)).toEqual([F16])
    await removeDownloads('hf:owner/model:F16')
    expect(existsSync(blob)).toBe(false)
    expect(existsSync(join(snapshot(), 'sub'))).toBe(false)
    expect(await names()).toEqual([FOLDER, Q8])
    expect(readdirSync(join(repository(), 'blobs'))).toHaveLength(4)
  })

  it('keeps content that another file of the repository needs', async () => {
    const blob = sha256(readFileSync(join(snapshot(), 'm-Q8_0.gguf')))
    symlinkSync(`../../blobs/${blob}`, join(snapshot(), 'copy-Q4_0.gguf'))
    await removeDownloads(Q8)
    expect(await names()).toEqual([FOLDER, 'hf:owner/model:copy-Q4_0.gguf', F16])
  })

  it('loses a whole repository, and with the last of its files also the folder', async () => {
    await removeDownloads(FOLDER)
    expect(readdirSync(cache)).toEqual([])
  })

  it('never has a file outside of it removed', async () => {
    const precious = join(temporaryFolder(), 'precious.gguf')
    writeFileSync(precious, 'mine')
    symlinkSync(precious, join(snapshot(), 'x-Q2_K.gguf'))
    mkdirSync(join(cache, 'models--owner--other/snapshots', 'b'.repeat(40)), { recursive: true })
    symlinkSync(precious, join(cache, 'models--owner--other/snapshots', 'b'.repeat(40), 'y.gguf'))
    await removeDownloads('hf:owner/model:x-Q2_K.gguf')
    await removeDownloads('hf:owner/other')
    expect(readFileSync(precious, 'utf8')).toBe('mine')
  })

  it.each(['hf:owner/none', 'hf:owner/model:Q2_K', 'qwen3:0.6b', './m.gguf', 'https://example.org/m.gguf'])(
    'says what it has in place of %s',
    async (name) => {
      await expect(removeDownloads(name)).rejects.toMatchObject({
        code: 'not-found',
        remedy: expect.stringContaining(Q8),
      })
      expect(await names()).toEqual([FOLDER, Q8, F16])
    },
  )
})

it('a file of another address is listed and removed', async () => {
  vi.stubEnv('HF_HUB_OFFLINE', '')
  vi.stubEnv('HF_HUB_CACHE', join(temporaryFolder(), 'hub'))
  await using server = await HubServer.start({ 'a.gguf': new Uint8Array(100) })
  const url = `${server.url}/plain/a.gguf`
  const path = await pull(url)
  expect(await listDownloads()).toMatchObject([{ name: url, path, bytes: 100 }])
  await removeDownloads(url)
  expect(existsSync(path)).toBe(false)
  expect(await listDownloads()).toEqual([])
})

/** Every file of a folder with the checksum that git gives it, and every link with what it leads to, as written. */
function contentOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const content = entry.isSymbolicLink() ? readlinkSync(path) : gitChecksum(readFileSync(path))
      return `${path.slice(folder.length)} ${content}`
    })
    .sort()
}
