import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type PreviewServer, preview } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BROWSERS, hasBrowser, launchBrowser } from '../../packages/engine/src/testing/browser/browsers.ts'

const root = fileURLToPath(new URL('.', import.meta.url))
const outDir = mkdtempSync(join(tmpdir(), 'laju-vite-'))

let server: PreviewServer
let address: string

beforeAll(async () => {
  await build({ root, logLevel: 'silent', build: { outDir } })
  server = await preview({ root, logLevel: 'silent', build: { outDir }, preview: { port: 0, host: '127.0.0.1' } })
  address = server.resolvedUrls?.local[0] ?? ''
})
afterAll(async () => {
  await server?.close()
  rmSync(outDir, { recursive: true })
})

for (const name of BROWSERS) {
  describe.skipIf(!hasBrowser(name))(`the page that Vite has built, in ${name}`, () => {
    it('answers with nano', async () => {
      const browser = await launchBrowser(name)
      try {
        const page = await browser.newPage()
        await page.goto(address)
        await page.waitForSelector('button:not([disabled])')
        expect(await page.$eval('[role=status]', ({ textContent }) => textContent)).toMatch(/^nano.*, \d+ threads\. $/)
        await page.click('button')
        await page.waitForFunction(() => document.querySelector('output')?.textContent?.includes('632'))
      } finally {
        await browser.close()
      }
    })
  })
}
