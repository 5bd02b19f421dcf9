import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../temporary-folder.ts'
import { fuzz } from './run.ts'

/*
 * A sample of what `npm run fuzz` does at length: each case loads a broken model in a process of its own, and may only
 * throw an error on purpose or run; within 2 s, and within twice its file and 64 MB.
 */

it('broken models are refused or run, soon and in little memory', async () => {
  const report = await fuzz({ seed: 42, count: 160 })
  expect(report.failures).toEqual([])
  expect(report.cases).toBe(160)
  const outcomes = (container: string) => [...(report.outcomes.get(container) ?? [])]
  for (const container of ['gguf', 'safetensors', 'config.json', 'tokenizer.json']) {
    const counts = outcomes(container)
    // Mutations that never or always matter would test nothing.
    expect(counts.find(([outcome]) => outcome === 'runs')?.[1], container).toBeGreaterThan(0)
    expect(counts.length, container).toBeGreaterThan(1)
  }
})

it('sees what must not be', async () => {
  const child = fileURLToPath(new URL('./bad-child.ts', import.meta.url))
  const { cases, failures } = await fuzz({ seed: 1, count: 5, child })
  expect(cases).toBe(5)
  expect(failures.map(({ index, problem }) => [index, problem])).toEqual([
    [0, 'took over 2 s'],
    [1, expect.stringMatching(/^grew by (1\d\d|20\d) MB, and may by 64 MB$/)],
    [2, 'threw TypeError: stumbled'],
    [3, expect.stringContaining('ended the process (3)')],
  ])
})

const hasPeaks = process.platform === 'linux'

it
  .skipIf(!hasPeaks)
  .each([
    'GGUF tensors',
    'GGUF lists',
    'GGUF texts',
    'safetensors tensors',
    'config.json keys',
    'config.json objects',
    'tokenizer.json tokens',
    'tokenizer.model pieces',
    'a template of statements',
    'a template of one expression',
  ])('files made to cost memory take no more than they may: %s', (name) => {
  const child = fileURLToPath(new URL('./costly-child.ts', import.meta.url))
  const path = join(temporaryFolder(), 'costly')
  const run = (what: string) => {
    const flags = ['--conditions=laju-source', '--expose-gc']
    return execFileSync(process.execPath, [...flags, child, what, name, path], { encoding: 'utf8' })
  }
  run('make')
  const taken = JSON.parse(run('open'))
  expect(taken.grown, JSON.stringify(taken)).toBeLessThan(2 * taken.bytes + 64 * 2 ** 20)
  expect(taken.outcome).not.toMatch(/^(Type|Range|Reference|Syntax)?Error/)
})
