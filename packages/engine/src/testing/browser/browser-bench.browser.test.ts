import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrowserBench } from './browser-bench.ts'
import { BROWSERS, hasBrowser } from './browsers.ts'

const SCRIPT = new URL('./machine-script.ts', import.meta.url)

for (const name of BROWSERS) {
  describe.skipIf(!hasBrowser(name))(name, () => {
    let bench: BrowserBench
    beforeAll(async () => {
      bench = await BrowserBench.start(name)
    })
    afterAll(() => bench?.[Symbol.asyncDispose]())

    it.each([true, false])('runs a script in a page, isolated: %s', async (isolated) => {
      const result = await bench.run(SCRIPT, { isFailing: false }, { isolated })
      expect(result).toEqual({ isolated, memory: expect.any(Number) })
    })

    it('tells what a script threw', async () => {
      await expect(bench.run(SCRIPT, { isFailing: true })).rejects.toThrow('RangeError (asked-for): as was asked for')
    })

    it('serves parts of files to both hosts', async () => {
      bench.serve('/digits', '0123456789')
      await using page = await bench.open({ isolated: false })
      const part = await page.page.evaluate(async (url) => {
        const answer = await fetch(url, { headers: { range: 'bytes=2-4' } })
        return [answer.status, answer.headers.get('content-range'), await answer.text()]
      }, `${bench.isolated.origin}/digits`)
      expect(part).toEqual([206, 'bytes 2-4/10', '234'])
    })
  })
}
