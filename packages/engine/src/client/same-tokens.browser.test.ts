import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrowserBench } from '../testing/browser/browser-bench.ts'
import { BROWSERS, hasBrowser } from '../testing/browser/browsers.ts'
import { serveEngine } from '../testing/browser/built.ts'
import { differenceOf, type ModelToTry, type Written, writeGreedily } from '../testing/browser/greedy.ts'
import type { GreedyRequest, GreedyResult } from '../testing/browser/greedy-script.ts'
import { sharedData } from '../testing/shared-data.ts'
import { load } from './model.ts'

const SCRIPT = new URL('../testing/browser/greedy-script.ts', import.meta.url)
const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const QUESTIONS = ['What is 347 + 285?', 'Berapa 12 + 7?', 'What is 91 - 38 + 17?', 'What is 23 * 4?', 'What is 8 + 9?']

/** Those that are here, by their addresses on the server. */
const MODELS: (ModelToTry & { file: string })[] = existsSync(NANO)
  ? [{ file: NANO, url: '/models/nano.gguf', prompts: QUESTIONS, chats: true }]
  : []
for (const name of ['qwen3', 'qwen3-moe']) {
  const file = sharedData(`refmodels/${name}/${name}.f32.gguf`)
  if (file) MODELS.push({ file, url: `/models/${name}.gguf`, prompts: ['hello world, '], chats: false })
}

const SOURCES = ['Blob', 'HTTP', 'OPFS'] as const

const inNode = new Map<string, Written>()

beforeAll(async () => {
  for (const { file, ...model } of MODELS) {
    await using loaded = await load(file, { threads: 1 })
    inNode.set(model.url, await writeGreedily(loaded, model))
  }
})

for (const name of BROWSERS) {
  describe.skipIf(!hasBrowser(name))(`${name} writes the tokens that Node writes`, () => {
    let bench: BrowserBench
    beforeAll(async () => {
      bench = await BrowserBench.start(name)
      await serveEngine(bench)
      for (const { url, file } of MODELS) bench.serve(url, { file })
    })
    afterAll(() => bench?.[Symbol.asyncDispose]())

    it.each([
      { isolated: true, worker: undefined },
      { isolated: false, worker: undefined },
      { isolated: true, worker: '/engine/baseline-worker.js' },
      { isolated: false, worker: '/engine/baseline-worker.js' },
    ])('isolated: $isolated, worker: $worker', async ({ isolated, worker }) => {
      const models = MODELS.map(({ url, prompts, chats }) => ({ url, prompts, chats }))
      const request = { models, sources: SOURCES, worker }
      const results = await bench.run<GreedyRequest, GreedyResult[]>(SCRIPT, request, { isolated })
      expect(results).toHaveLength(MODELS.length * SOURCES.length)
      for (const { url, source, ids, gaps, threads, notices } of results) {
        const expected = inNode.get(url) ?? { ids: [], gaps: [] }
        expect(ids.length).toBeGreaterThanOrEqual(200)
        expect(differenceOf(expected, { ids, gaps }), `${url} from ${source}`).toBeUndefined()
        expect(threads).toBe(isolated ? 2 : 1)
        expect(notices).toEqual(isolated ? [] : [expect.stringContaining('Cross-Origin-Opener-Policy')])
      }
    })
  })
}

it('writes them from a Blob in Node, too', async () => {
  for (const { file, ...model } of MODELS) {
    await using loaded = await load(new Blob([readFileSync(file)]), { threads: 2 })
    const expected = inNode.get(model.url) ?? { ids: [], gaps: [] }
    expect(differenceOf(expected, await writeGreedily(loaded, model)), model.url).toBeUndefined()
  }
})
