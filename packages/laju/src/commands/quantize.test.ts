import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../main.ts'
import { sharedData } from '../testing/shared-data.ts'

const MODEL = sharedData('quantised') ?? ''
const NARROW = sharedData('refmodels/qwen3') ?? ''

let folder: string
const stdout: string[] = []
const stderr: string[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'laju-'))
  vi.spyOn(console, 'log').mockImplementation((text) => stdout.push(text))
  vi.spyOn(console, 'error').mockImplementation((text) => stderr.push(text))
})
afterAll(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  stdout.length = 0
  stderr.length = 0
})

describe.skipIf(!MODEL || !NARROW)('laju quantize', () => {
  it('writes the file, and says how large it was and is', async () => {
    const output = join(folder, 'a.gguf')
    expect(await main(['quantize', `${MODEL}/model.safetensors`, output, '--type', 'q4_k_m'])).toBe(0)
    expect(stdout).toEqual([
      expect.stringMatching(/a\.gguf: Q4_K_M, 78\d kB \(2\.53 MB before\); 12 tensors in Q4_K, 9 in F32, 3 in Q6_K$/),
    ])
    expect(stderr).toEqual([expect.stringContaining('takes token ids only')])
    stdout.length = 0
    expect(await main(['inspect', output, '--backend', 'reference'])).toBe(0)
    expect(stdout[0]).toMatch(/^types +(Q6_K|Q4_K|F32)/m)
  })

  it('prints one JSON object for programs', async () => {
    const output = join(folder, 'b.gguf')
    expect(await main(['quantize', MODEL, output, '--type', 'Q8_0', '--json'])).toBe(0)
    expect(JSON.parse(stdout[0])).toMatchObject({ path: output, type: 'Q8_0', before: 2_526_208, types: { Q8_0: 15 } })
    expect(JSON.parse(stdout[0]).after).toBe(statSync(output).size)
  })

  it('says where rows are no whole blocks, and that weights had been quantised', async () => {
    expect(await main(['quantize', NARROW, join(folder, 'c.gguf'), '--type', 'Q6_K'])).toBe(0)
    expect(stderr[0]).toMatch(/^note: the rows of .* and \d+ others are no whole blocks of Q6_K/)
    stderr.length = 0
    expect(await main(['quantize', join(folder, 'c.gguf'), join(folder, 'd.gguf'), '--type', 'Q4_0'])).toBe(0)
    expect(stderr.join()).toContain('had been quantised before')
  })

  it('lists the types when one is missing or unknown', async () => {
    const output = join(folder, 'e.gguf')
    expect(await main(['quantize', MODEL, output])).toBe(2)
    expect(stderr[0]).toContain('Q5_K_M')
    stderr.length = 0
    expect(await main(['quantize', MODEL, output, '--type', 'Q9'])).toBe(2)
    expect(stderr[0]).toMatch(/--type must be F32 or .* or Q4_0, not "Q9"/)
    expect(existsSync(output)).toBe(false)
  })

  it('refuses to write over the model, and leaves nothing of what failed', async () => {
    const before = readdirSync(folder).sort()
    expect(await main(['quantize', join(folder, 'a.gguf'), join(folder, 'a.gguf'), '--type', 'Q8_0'])).toBe(1)
    expect(stderr[0]).toContain('is a file of the model')
    expect(await main(['quantize', MODEL, join(folder, 'none', 'a.gguf'), '--type', 'Q8_0'])).toBe(1)
    expect(readdirSync(folder).sort()).toEqual(before)
  })
})

describe.skipIf(!MODEL)('--quantize', () => {
  it('is shown by inspect, and may be none', async () => {
    expect(await main(['inspect', MODEL, '--quantize', 'Q8_0'])).toBe(0)
    expect(stdout[0]).toMatch(/^types +Q8_0 +15 tensors/m)
    expect(stdout[0]).toMatch(/^quantised +to Q8_0 while it is loaded, from BF16 \(2\.53 MB\)/m)
    stdout.length = 0
    expect(await main(['inspect', MODEL, '--quantize', 'none'])).toBe(0)
    expect(stdout[0]).toMatch(/^types +BF16 +24 tensors/m)
    expect(stdout[0]).not.toContain('quantised  ')
  })

  it('refuses what there is not', async () => {
    expect(await main(['inspect', MODEL, '--quantize', 'Q7'])).toBe(2)
    expect(stderr[0]).toContain('--quantize must be auto or none or')
  })
})
