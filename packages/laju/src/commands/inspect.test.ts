import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../main.ts'
import { mutate, seededDraw } from '../testing/mutate.ts'
import { sharedData } from '../testing/shared-data.ts'

const GGUF = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
const WITH_EXPERTS = sharedData('refmodels/qwen3-moe/qwen3-moe.f32.gguf') ?? ''
const SAFETENSORS = sharedData('refmodels/llama-plain') ?? ''
const MUTANTS = 1000
const PATIENCE_MS = 1000
/** LAJU_DEBUG adds the stack, whose first line tells a fault that was found from one that was stumbled over. */
const FOUND = /^error: .+\n(what to do: .+\n)?(Checkpoint|Tokenizer|Template|Option|Engine|Laju)Error: /

let folder: string
let stdout = ''
let stderr = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'laju-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

beforeEach(() => {
  vi.stubEnv('LAJU_DEBUG', '1')
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout = text
  })
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr = text
  })
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function inspectMutant(path: string, seed: number): Promise<number> {
  stdout = ''
  stderr = ''
  const start = performance.now()
  const exitCode = await main(['inspect', path, '--backend', 'reference'])
  expect(performance.now() - start, `seed ${seed} takes too long`).toBeLessThan(PATIENCE_MS)
  if (exitCode === 0) {
    expect(stdout, `seed ${seed}`).toMatch(/^memory +[1-9]/m)
    expect(stdout, `seed ${seed}`).not.toMatch(/NaN|Infinity|undefined|null/)
  } else {
    expect(exitCode, `seed ${seed}`).toBe(1)
    expect(stderr, `seed ${seed}`).toMatch(FOUND)
  }
  return exitCode
}

describe.skipIf(GGUF === '')('laju inspect of a broken header gives a message or a correct answer', () => {
  it.each([GGUF, WITH_EXPERTS])('of GGUF files (%#)', async (original) => {
    const file = readFileSync(original)
    const path = join(folder, 'mutant.gguf')
    let refused = 0
    for (let seed = 1; seed <= MUTANTS; seed++) {
      writeFileSync(path, mutate(file, headerOfGguf(file), seededDraw(seed)))
      refused += await inspectMutant(path, seed)
    }
    expect(refused).toBeGreaterThan(MUTANTS / 4)
  })

  it('of safetensors files', async () => {
    const file = readFileSync(join(SAFETENSORS, 'model.safetensors'))
    const header = 8 + Number(file.readBigUInt64LE(0))
    copyFileSync(join(SAFETENSORS, 'config.json'), join(folder, 'config.json'))
    let refused = 0
    for (let seed = 1; seed <= MUTANTS; seed++) {
      writeFileSync(join(folder, 'model.safetensors'), mutate(file, header, seededDraw(seed)))
      refused += await inspectMutant(folder, seed)
    }
    expect(refused).toBeGreaterThan(MUTANTS / 4)
  })

  it('of config.json', async () => {
    const file = readFileSync(join(SAFETENSORS, 'config.json'))
    copyFileSync(join(SAFETENSORS, 'model.safetensors'), join(folder, 'model.safetensors'))
    for (let seed = 1; seed <= MUTANTS; seed++) {
      writeFileSync(join(folder, 'config.json'), mutate(file, file.length, seededDraw(seed)))
      await inspectMutant(folder, seed)
    }
  })
})

describe.skipIf(WITH_EXPERTS === '')('laju inspect', () => {
  it('tells of experts', async () => {
    await main(['inspect', WITH_EXPERTS])
    expect(stdout).toMatch(/^experts +8 \(3 used\)$/m)
  })
})

/** The tensor table comes last, so it ends a little after the last of the names. */
function headerOfGguf(file: Buffer): number {
  return file.lastIndexOf('.weight') + 40
}
