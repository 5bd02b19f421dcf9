import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { programOf, RUNTIMES, smoke } from './runtimes.ts'

const FOLDER = fileURLToPath(new URL('../../../../nano/fixtures/hf', import.meta.url))

describe('what the pinned Node does', () => {
  // Other tests hold it to what Hugging Face and llama.cpp do.
  let expected: Record<string, unknown>
  beforeAll(async () => {
    expected = await smoke(process.execPath, [], [FOLDER, '1'])
  })

  it('is the whole suite', () => {
    expect(expected).toMatchObject({
      answer: { text: expect.stringContaining('632'), types: ['reasoning-delta', 'text-delta', 'finish'] },
      abort: 'AbortError',
      missing: 'not-found',
    })
    expect(expected.ids).not.toHaveLength(0)
  })

  it('does not depend on the number of threads', async () => {
    expect(await smoke(process.execPath, [], [FOLDER, '2'])).toEqual({
      ...expected,
      info: { ...(expected.info as object), threads: 2 },
    })
  })

  describe.each(RUNTIMES)('is done by $name as well', (runtime) => {
    const program = programOf(runtime)
    it.skipIf(program === undefined).each([1, 2])('on %i threads', async (threads) => {
      const found = await smoke(program ?? '', runtime.parameters, [FOLDER, String(threads)])
      expect({ ...found, info: { ...(found.info as object), threads: 1 } }).toEqual(expected)
    })
  })
})
