import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { differenceOf, type Written } from '../browser/greedy.ts'
import { sharedData } from '../shared-data.ts'
import { programOf, RUNTIMES, smoke } from './runtimes.ts'

const FOLDER = fileURLToPath(new URL('../../../../nano/fixtures/hf', import.meta.url))
/** Two more models, where they are here. */
const OTHERS = ['qwen3', 'qwen3-moe'].flatMap((name) => sharedData(`refmodels/${name}/${name}.f32.gguf`) ?? [])
/** What is written with each model. */
const WRITTEN = ['written', ...OTHERS.map((path) => basename(path))]

type Results = Readonly<Record<string, unknown>>

/** Tokens may part where two were as likely; all else must be the same, but for how many threads there are. */
function expectSame(found: Results, expected: Results): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected))
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'info') expect(found[name]).toEqual({ ...(value as object), threads: expect.any(Number) })
    else if (!WRITTEN.includes(name)) expect(found[name], name).toEqual(value)
    else expect(differenceOf(value as Written, found[name] as Written), name).toBeUndefined()
  }
}

describe('what the pinned Node does', () => {
  // Other tests hold it to what Hugging Face and llama.cpp do.
  let expected: Results
  beforeAll(async () => {
    expected = await smoke(process.execPath, [], [FOLDER, '1', ...OTHERS])
  })

  it('is the whole suite', () => {
    expect(expected).toMatchObject({
      answer: { text: expect.stringContaining('632'), types: ['reasoning-delta', 'text-delta', 'finish'] },
      abort: 'AbortError',
      missing: 'not-found',
    })
    for (const name of WRITTEN) expect((expected[name] as Written).ids.length, name).toBeGreaterThanOrEqual(200)
  })

  it('does not depend on the number of threads', async () => {
    const { info: _, ...found } = await smoke(process.execPath, [], [FOLDER, '2', ...OTHERS])
    expect(expected).toMatchObject(found)
  })

  describe.each(RUNTIMES)('is done by $name as well', (runtime) => {
    const program = programOf(runtime)
    it.skipIf(program === undefined).each([1, 2])('on %i threads', async (threads) => {
      expectSame(await smoke(program ?? '', runtime.parameters, [FOLDER, String(threads), ...OTHERS]), expected)
    })
  })
})
