import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrowserBench } from '../testing/browser/browser-bench.ts'
import { BROWSERS, hasBrowser } from '../testing/browser/browsers.ts'
import { type LoadOutcome, type LoadRequest, QUESTION } from '../testing/browser/load-script.ts'
import { HubServer } from '../testing/hub-server.ts'
import type { SourceOptions } from '../worker/types.ts'
import { load } from './model.ts'

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const SCRIPT = new URL('../testing/browser/load-script.ts', import.meta.url)
const NAME = 'hf:owner/model:Q8_0'

for (const browser of BROWSERS) {
  describe.skipIf(!hasBrowser(browser))(`load() by name in ${browser}`, () => {
    let bench: BrowserBench
    let server: HubServer
    let text: string

    beforeAll(async () => {
      bench = await BrowserBench.start(browser)
      server = await HubServer.start({ 'm-Q8_0.gguf': new Uint8Array(readFileSync(NANO)) })
      server.pages = 'hiding headers'
      const model = await load(NANO)
      text = (await model.ask(QUESTION, { temperature: 0 })).text
      await model.dispose()
    })
    afterAll(async () => {
      await bench?.[Symbol.asyncDispose]()
      await server?.[Symbol.asyncDispose]()
    })

    const run = (name: string, options: SourceOptions = {}, action: LoadRequest['action'] = 'load') =>
      bench.run<LoadRequest, LoadOutcome>(SCRIPT, { name, options: { endpoint: server.url, ...options }, action })

    it('looks at a model where it is published', async () => {
      const { size } = statSync(NANO)
      expect(await run(NAME, {}, 'inspect')).toEqual({ name: 'nano', download: size, stored: [] })
    })

    it('is aborted, and goes on the next time', async () => {
      server.faultOf = () => ({ slowMs: 20 })
      const before = server.requests.length
      expect(await run(NAME, {}, 'abort')).toEqual({ name: 'aborted', stored: [] })
      server.faultOf = () => undefined
      await run(NAME)
      const ranges = server.requests
        .slice(before)
        .flatMap(({ url, range }) => (url.startsWith('/storage') ? [range] : []))
      expect(ranges).toEqual(['bytes=0-', expect.stringMatching(/^bytes=[1-9]\d*-$/)])
      expect(await run(NAME, {}, 'forget')).toEqual({ name: NAME, stored: [] })
    })

    it('runs from the server without storing', async () => {
      const outcome = await run(NAME, { store: false })
      expect(outcome).toEqual({ name: 'nano', text, stages: ['load'], stored: [] })
    })

    it('fetches a model of the Hub once, and then runs what is stored', async () => {
      const stored = ['hf:owner/model:m-Q8_0.gguf']
      expect(await run(NAME)).toEqual({ name: 'nano', text, stages: ['download', 'load'], stored })
      server.requests.length = 0
      expect(await run(NAME)).toEqual({ name: 'nano', text, stages: ['load'], stored })
      expect(server.requests).toEqual([])
    })

    it("fetches the file of an address, also of one that is the page's own", async () => {
      const url = `${server.storage}/plain/m-Q8_0.gguf`
      expect(await run(url)).toMatchObject({
        text,
        stages: ['download', 'load'],
        stored: expect.arrayContaining([url]),
      })
      bench.serve('/models/nano.gguf', { file: NANO })
      const own = `${bench.isolated.origin}/models/nano.gguf`
      expect(await run('models/nano.gguf')).toMatchObject({ text, stored: expect.arrayContaining([own]) })
    })
  })
}
