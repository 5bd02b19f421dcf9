import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ended, runLaju, startLaju } from './testing/run-laju.ts'
import { sharedData } from './testing/shared-data.ts'

const MODEL = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
const FOLDER_WITHOUT_TOKENIZER = sharedData('refmodels/llama-plain') ?? ''
const VOCABULARY = 320
const BACKENDS = ['reference', 'wasm']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'laju-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function scratch(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe.skipIf(MODEL === '')('the forms that tools rely on', () => {
  it('run --raw --greedy --json prints one object', async () => {
    const typed = ['run', MODEL, 'Once upon', '--raw', '--greedy', '--max-tokens', '5', '--json']
    const { stdout, stderr, exitCode } = await runLaju(typed)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(JSON.parse(stdout)).toMatchObject({
      text: expect.any(String),
      reasoning: null,
      usage: { inputTokens: expect.any(Number), outputTokens: 5 },
      timings: { promptMs: expect.any(Number), tokensPerSecond: expect.any(Number) },
    })
    expect(JSON.parse((await runLaju(typed)).stdout).text).toBe(JSON.parse(stdout).text)
  })

  it('run prints only the answer into a pipe', async () => {
    const typed = ['run', MODEL, '--raw', '--greedy', '--max-tokens', '5']
    const plain = await runLaju(typed, 'Once upon\n')
    const json = await runLaju([...typed, '--json'], 'Once upon')
    expect(plain).toEqual({ stdout: `${JSON.parse(json.stdout).text}\n`, stderr: '', exitCode: 0 })
  })

  it('run --logprobs adds one entry a token', async () => {
    const typed = ['run', MODEL, 'a', '--raw', '--greedy', '--max-tokens', '3', '--logprobs', '2', '--json']
    const { logprobs } = JSON.parse((await runLaju(typed)).stdout)
    expect(logprobs).toHaveLength(3)
    expect(logprobs[0].top).toHaveLength(2)
  })

  it('tokenize prints ids, of an argument or of a file to its last byte', async () => {
    const text = '\ufeffhé <eos> 日\r\n'
    const given = await runLaju(['tokenize', MODEL, text, '--json'])
    const read = await runLaju(['tokenize', MODEL, '--file', scratch('text', text), '--json'])
    expect(given.stdout).toBe(read.stdout)
    const { ids } = JSON.parse(given.stdout)
    expect(ids.every(Number.isInteger)).toBe(true)
    expect(ids).toContain(2)
    const plain = await runLaju(['tokenize', MODEL, text, '--json', '--no-special'])
    expect(JSON.parse(plain.stdout).ids).not.toContain(2)
  })

  it.each(BACKENDS)('logits --backend %s writes what it prints', async (backend) => {
    const file = join(folder, `logits-${backend}`)
    const typed = ['logits', MODEL, '--tokens', '1,2,3', '--backend', backend]
    expect(await runLaju([...typed, '--raw-output', file])).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    const bytes = readFileSync(file)
    expect(bytes.byteLength).toBe(3 * VOCABULARY * 4)
    const { positions } = JSON.parse((await runLaju([...typed, '--top', '1', '--json'])).stdout)
    expect(positions.map(({ id }: { id: number }) => id)).toEqual([1, 2, 3])
    for (const [row, { top }] of positions.entries()) expect(top[0].id).toBe(largest(bytes, row))
  })

  it('logits needs no tokenizer, and refuses tokens the model does not have', async () => {
    const known = await runLaju(['logits', FOLDER_WITHOUT_TOKENIZER, '--tokens', '319'])
    expect(known).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^position 0, after 319/) })
    const unknown = await runLaju(['logits', FOLDER_WITHOUT_TOKENIZER, '--tokens', '1,320'])
    expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('320') })
  })

  it('inspect describes a model for people and for programs', async () => {
    const { stdout } = await runLaju(['inspect', MODEL])
    expect(stdout).toMatch(/^architecture +qwen3$/m)
    expect(stdout).toMatch(/^memory +\d.* MB/m)
    const info = JSON.parse((await runLaju(['inspect', MODEL, '--json', '--context', '128'])).stdout)
    expect(info).toMatchObject({
      architecture: 'qwen3',
      vocabulary: VOCABULARY,
      contextLength: 128,
      chatTemplate: null,
    })
  })
})

describe.skipIf(MODEL === '')('what tells of the device', () => {
  it('bench prints one object', async () => {
    const typed = ['bench', MODEL, '--prompt', '8', '--generate', '2', '--repetitions', '1', '--json']
    const { stdout, stderr, exitCode } = await runLaju(typed)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(JSON.parse(stdout)).toMatchObject({ prefill: { median: expect.any(Number) }, threads: 1 })
  })

  it('doctor prints one object', async () => {
    const { stdout, stderr, exitCode } = await runLaju(['doctor', MODEL, '--json'])
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(JSON.parse(stdout)).toMatchObject({ model: { fits: true }, device: { kernels: { failure: null } } })
  })
})

describe.skipIf(MODEL === '')('interruptions', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a run with %i', async (signal, exitCode) => {
    const child = startLaju(['run', MODEL, 'Once', '--raw', '--max-tokens', '500', '--backend', 'reference'])
    child.stdout?.once('data', () => child.kill(signal))
    expect(await ended(child)).toMatchObject({ exitCode, stderr: '' })
  })

  it('a pipe that closes early is no failure', async () => {
    const child = startLaju(['run', MODEL, 'Once', '--raw', '--max-tokens', '500', '--backend', 'reference'])
    child.stdout?.once('data', () => child.stdout?.destroy())
    const exit = new Promise((resolve) => child.once('exit', resolve))
    expect(await exit).toBe(0)
  })
})

describe('bad input', () => {
  it.each([
    ['an empty file', ''],
    ['noise', 'not a model at all'],
    ['a cut header', 'GGUF\x03\0\0\0'],
    ['a count of 2^60', `GGUF\x03\0\0\0${'\0'.repeat(7)}\x10${'\0'.repeat(8)}`],
    ['a safetensors header that is no JSON', `\x04${'\0'.repeat(7)}{{{{`],
  ])('%s gives a message and no stack', async (name, content) => {
    for (const command of [['inspect'], ['run', 'Hi'], ['tokenize', 'Hi']]) {
      const [verb = '', ...rest] = command
      const file = scratch(`${name}.gguf`, Buffer.from(content, 'latin1'))
      const { stdout, stderr, exitCode } = await runLaju([verb, file, ...rest])
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
      expect(stderr).toMatch(/^error: .+\n(what to do: .+\n)?$/)
    }
  })

  it('a folder without a model gives a message and no stack', async () => {
    const { stderr, exitCode } = await runLaju(['inspect', folder])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^error: .+\nwhat to do: .+\n$/)
  })
})

/** Index of the largest of a row of float32 little-endian. */
function largest(bytes: Buffer, row: number): number {
  let best = 0
  const value = (index: number) => bytes.readFloatLE((row * VOCABULARY + index) * 4)
  for (let index = 1; index < VOCABULARY; index++) if (value(index) > value(best)) best = index
  return best
}
