import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../main.ts'

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const NANO_BYTES = statSync(NANO).size
const MODEL = 'hf:owner/model:m-Q8_0.gguf'
const OTHER = 'hf:owner/model:m-F16.gguf'

let cache: string
let stdout: string[]
let stderr: string[]

/** A cache with two runnable models of one repository, and one that laju does not run. */
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'laju-'))
  vi.stubEnv('HF_HUB_CACHE', join(cache, 'hub'))
  vi.stubEnv('HF_HUB_OFFLINE', '1')
  stdout = []
  stderr = []
  vi.spyOn(console, 'log').mockImplementation((text) => void stdout.push(text))
  vi.spyOn(console, 'error').mockImplementation((text) => void stderr.push(text))
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(cache, { recursive: true })
})

function download(repository: string, file: string, content: string): void {
  const folder = join(cache, 'hub', `models--${repository.replace('/', '--')}`)
  const snapshot = join(folder, 'snapshots', 'a'.repeat(40))
  const blob = file.length.toString(16).padStart(64, '0')
  mkdirSync(snapshot, { recursive: true })
  mkdirSync(join(folder, 'blobs'), { recursive: true })
  if (content === NANO) copyFileSync(NANO, join(folder, 'blobs', blob))
  else writeFileSync(join(folder, 'blobs', blob), content)
  symlinkSync(`../../blobs/${blob}`, join(snapshot, file))
}

function fill(): void {
  download('owner/model', 'm-Q8_0.gguf', NANO)
  download('owner/model', 'm-F16.gguf', NANO)
  download('owner/image', 'diffusion.gguf', 'not a model that runs')
}

const listed = async () => {
  stdout.length = 0
  await main(['list', '--json'])
  return (JSON.parse(stdout[0] ?? '') as { models: { name: string }[] }).models
}
const names = async () => (await listed()).map(({ name }) => name)

describe('laju list', () => {
  it('shows name, size and date of what runs, and counts the rest', async () => {
    fill()
    expect(await main(['list'])).toBe(0)
    expect(stdout.join('\n').split('\n')).toEqual([
      expect.stringMatching(/^hf:owner\/model:m-F16\.gguf {3}1\.\d+ MB {2}\d{4}-\d\d-\d\d$/),
      expect.stringMatching(/^hf:owner\/model:m-Q8_0\.gguf {2}1\.\d+ MB {2}\d{4}-\d\d-\d\d$/),
    ])
    expect(stderr).toEqual(['(1 more in the cache are of kinds that laju does not run.)'])
  })

  it('gives programs one object', async () => {
    fill()
    const path = join(cache, 'hub/models--owner--model/snapshots', 'a'.repeat(40), 'm-F16.gguf')
    expect((await listed())[0]).toEqual({ name: OTHER, path, bytes: NANO_BYTES, date: expect.any(String) })
  })

  it('says what to do where there is nothing', async () => {
    expect(await main(['list'])).toBe(0)
    expect(stdout).toEqual([])
    expect(stderr.join('')).toContain('laju pull')
    expect(await names()).toEqual([])
  })

  it('draws no escape sequences of a file name', async () => {
    download('owner/model', 'm-\x1b[2J.gguf', NANO)
    await main(['list'])
    expect(stdout.join('\n')).not.toContain('\x1b')
  })
})

describe('laju remove', () => {
  it('deletes one model and leaves the others', async () => {
    fill()
    expect(await main(['remove', 'hf:owner/model:Q8_0', '--yes'])).toBe(0)
    expect(stdout).toEqual([expect.stringMatching(/^Removed 1\.\d+ MB\.$/)])
    expect(await names()).toEqual([OTHER])
  })

  it('tells programs what is gone', async () => {
    fill()
    await main(['remove', 'hf:owner/model', '--yes', '--json'])
    const { removed } = JSON.parse(stdout[0] ?? '') as { removed: { name: string }[] }
    expect(removed.map(({ name }) => name)).toEqual([OTHER, MODEL])
    expect(existsSync(join(cache, 'hub/models--owner--model'))).toBe(false)
  })

  it('asks for --yes where nobody can answer', async () => {
    fill()
    expect(await main(['remove', MODEL])).toBe(2)
    expect(stderr.join('')).toContain('--yes')
    expect(await names()).toEqual([OTHER, MODEL])
  })

  it.each([
    ['y', [OTHER], /^Removed/],
    ['', [OTHER, MODEL], /^Nothing is removed/],
    ['no', [OTHER, MODEL], /^Nothing is removed/],
  ])('at a terminal, the answer %j counts', async (answer, left, said) => {
    fill()
    const [keyboard, screen] = [new PassThrough(), new PassThrough()].map((stream) =>
      Object.assign(stream, { isTTY: true }),
    )
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(keyboard as unknown as typeof process.stdin)
    vi.spyOn(process, 'stderr', 'get').mockReturnValue(screen as unknown as typeof process.stderr)
    const shown: string[] = []
    screen?.on('data', (text) => shown.push(`${text}`))
    const done = main(['remove', MODEL])
    await vi.waitUntil(() => shown.join('').includes('Delete it? [y/N]'))
    expect(stderr.join('')).toContain(MODEL)
    keyboard?.write(`${answer}\n`)
    expect(await done).toBe(0)
    expect(stdout[0]).toMatch(said)
    vi.restoreAllMocks()
    vi.spyOn(console, 'log').mockImplementation((text) => void stdout.push(text))
    expect(await names()).toEqual(left)
  })

  it('names what there is in place of what is not', async () => {
    fill()
    expect(await main(['remove', 'hf:owner/model:Q2_K', '--yes'])).toBe(1)
    expect(stderr.join('')).toContain(MODEL)
  })
})
