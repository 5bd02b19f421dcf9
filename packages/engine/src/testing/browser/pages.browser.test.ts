import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrowserBench } from './browser-bench.ts'
import { BROWSERS, hasBrowser } from './browsers.ts'
import { serveEngine } from './built.ts'

const SCRIPT = new URL('./page-script.ts', import.meta.url)
const NANO = fileURLToPath(new URL('../../../../nano/nano-q8_0.gguf', import.meta.url))
const APP = fileURLToPath(new URL('./app.js', import.meta.url))
const BUILT = new URL('../../../dist/browser/index.js', import.meta.url)

const hasNano = existsSync(NANO)
const isBuilt = existsSync(BUILT)
if (!isBuilt) console.warn('The tests of bundlers are skipped: `npm run build` has not made dist/browser.')

const BUNDLERS = {
  async esbuild(): Promise<string> {
    const options = { bundle: true, write: false, format: 'esm', platform: 'browser', logLevel: 'silent' } as const
    return (await esbuild({ entryPoints: [APP], ...options })).outputFiles[0].text
  },
  async Vite(): Promise<string> {
    const options = { write: false, rolldownOptions: { input: APP } }
    const built = await vite({ configFile: false, logLevel: 'silent', build: options })
    const [first] = [built].flat()
    if (!('output' in first)) throw new Error('Vite watches')
    return first.output[0].code
  },
}

for (const name of BROWSERS) {
  describe.skipIf(!hasBrowser(name) || !hasNano)(`a page in ${name}`, () => {
    let bench: BrowserBench
    beforeAll(async () => {
      bench = await BrowserBench.start(name)
      await serveEngine(bench)
      bench.serve('/nano.gguf', { file: NANO })
    })
    afterAll(() => bench?.[Symbol.asyncDispose]())

    const run = <Result>(work: string) =>
      bench.run<{ work: string; url: string }, Result>(SCRIPT, { work, url: '/nano.gguf' })

    /** The answer that a page with a program gets. */
    async function answerOf(program: string): Promise<unknown> {
      bench.serve('/app.html', `<!doctype html><script type="module">${program}</script>`)
      await using page = await bench.open({ isolated: false, path: '/app.html' })
      await page.page.waitForFunction('globalThis.ask !== undefined')
      return await page.page.evaluate(`ask('What is 12 + 30?', '/nano.gguf')`)
    }

    it('keeps a conversation in a Blob, and goes on from there', async () => {
      expect(await run('conversation')).toEqual({
        same: true,
        cached: true,
        damaged: { code: 'invalid-conversation', remedy: expect.any(String) },
        toPath: { code: 'write-failed', remedy: expect.stringContaining('Blob') },
      })
    })

    it('looks at a model', async () => {
      expect(await run('inspect')).toEqual({ architecture: 'qwen3', layers: 5 })
    })

    it('is told what it cannot have', async () => {
      const failures = await run<{ code: string; remedy: string }[]>('refusals')
      const [code, remedy] = [expect.any(String), expect.stringMatching(/\.$/)]
      expect(failures).toEqual(failures.map(() => ({ code, remedy })))
      expect(failures.map(({ code }) => code)).toEqual([
        'invalid-option',
        'unsupported-platform',
        'unsupported-platform',
        'invalid-option',
        'unsupported-format',
        'invalid-option',
      ])
    })

    it('whose policy forbids workers from Blobs takes them from a file', async () => {
      const policy = '<meta http-equiv="Content-Security-Policy" content="worker-src \'self\'">'
      bench.serve('/policy.html', `<!doctype html>${policy}`)
      await using page = await bench.open({ path: '/policy.html' })
      expect(await page.run(SCRIPT, { work: 'policy', url: '/nano.gguf' })).toMatchObject({
        refused: { code: 'worker-failed', remedy: expect.stringContaining('startWorkersFrom') },
        threads: 2,
        text: expect.stringContaining('42'),
      })
    })

    it('takes the engine from another host, without a bundler', async () => {
      const from = JSON.stringify(`${bench.isolated.origin}/engine/index.js`)
      const answer = await answerOf(`
        import { load } from ${from}
        globalThis.ask = async (question, url) => {
          const model = await load(await (await fetch(url)).blob())
          return (await model.ask(question, { temperature: 0 })).text
        }`)
      expect(answer).toContain('42')
    })

    it('asks as it would ask the built-in model', async () => {
      const found = await bench.run(new URL('./prompt-script.ts', import.meta.url), '/nano.gguf')
      expect(found).toMatchObject({
        text: expect.stringContaining('42'),
        last: 1,
        refused: 'NotSupportedError',
        availability: 'available',
      })
      expect((found as { pieces: number }).pieces).toBeGreaterThan(1)
    })

    it('takes the Prompt API from another host as well', async () => {
      const answer = await answerOf(`
        import { languageModel } from '${bench.isolated.origin}/engine/prompt-api.js'
        globalThis.ask = async (question, url) => {
          const session = await languageModel(new URL(url, location.href).href).create()
          return session.prompt(question)
        }`)
      expect(answer).toContain('42')
    })

    it.skipIf(!isBuilt).each(['esbuild', 'Vite'] as const)('that %s has bundled imports it by its name', async (by) => {
      bench.serve('/app.js', await BUNDLERS[by]())
      expect(await answerOf(`import '/app.js'`)).toContain('42')
    })
  })
}
