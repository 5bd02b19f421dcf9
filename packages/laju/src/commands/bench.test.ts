import { describe, expect, it } from 'vitest'
import { main } from '../main.ts'
import { captureOutput } from '../testing/captured-output.ts'
import { sharedData } from '../testing/shared-data.ts'

const MODEL = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
const SMALL = ['--prompt', '20', '--generate', '4', '--repetitions', '2', '--threads', '1']

const output = captureOutput()

describe.skipIf(MODEL === '')('laju bench', () => {
  it('prints one JSON object for programs', async () => {
    expect(await main(['bench', MODEL, ...SMALL, '--depth', '70', '--json'])).toBe(0)
    expect(output.stderr).toBe('')
    const report = JSON.parse(output.stdout)
    expect(report).toMatchObject({
      model: { architecture: 'qwen3', contextLength: 90 },
      machine: { cpu: expect.any(String), simd: expect.any(Array) },
      prompt: 20,
      generate: 4,
      depth: 70,
      repetitions: 2,
      threads: 1,
    })
    const figures = [report.prefill, report.decode, report.ceilings.read, report.ceilings.float]
    for (const { median, min, max } of figures) {
      expect(min).toBeGreaterThan(0)
      expect(median).toBeGreaterThanOrEqual(min)
      expect(max).toBeGreaterThanOrEqual(median)
    }
    for (const figure of [report.loadMs, report.peakMemory, report.share.prefill, report.share.decode]) {
      expect(figure).toBeGreaterThan(0)
    }
  })

  it('prints a table for people', async () => {
    expect(await main(['bench', MODEL, ...SMALL])).toBe(0)
    expect(output.stdout).toMatch(/^reading +\d.* tokens\/s \(.* to .*\); 20 tokens$/m)
    expect(output.stdout).toMatch(/^writing +\d.* tokens\/s \(.* to .*\); 4 tokens$/m)
    expect(output.stdout).toMatch(/% of the streaming read: .* GB\/s/)
    expect(output.stdout).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('says how much context a model has where more is asked for', async () => {
    expect(await main(['bench', MODEL, ...SMALL, '--depth', '1000000'])).toBe(1)
    expect(output.stderr).toMatch(/^error: A context of 1000020 tokens cannot be had.*\nwhat to do: /)
    expect(output.stdout).toBe('')
  })
})
