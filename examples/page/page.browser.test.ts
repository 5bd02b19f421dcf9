import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BROWSERS, hasBrowser, launchBrowser } from '../../packages/engine/src/testing/browser/browsers.ts'

const NANO = fileURLToPath(new URL('../../packages/nano/nano-q8_0.gguf', import.meta.url))
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
]

let address: string
let stopServer: () => void

beforeAll(async () => {
  const script = fileURLToPath(new URL('./serve.js', import.meta.url))
  const server = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stopServer = () => server.kill()
  const [line] = await once(server.stdout, 'data')
  address = String(line).trim()
})
afterAll(() => stopServer?.())

/** Opens the page; what it asks other hosts for is collected. */
async function open(browser: Browser): Promise<{ page: Page; strangers: string[]; errors: string[] }> {
  const page = await browser.newPage()
  const strangers: string[] = []
  const errors: string[] = []
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(address) && !/^(blob|data):/.test(url)) strangers.push(url)
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(address)
  return { page, strangers, errors }
}

async function textOf(page: Page, selector: string): Promise<string> {
  return page.$eval(selector, (element) => element.textContent ?? '')
}

async function loadNano(page: Page): Promise<void> {
  await page.click('#nano')
  await page.waitForSelector('#composer:not([hidden])')
}

async function ask(page: Page, question: string): Promise<void> {
  await page.type('#question', question)
  await page.keyboard.press('Enter')
}

const answered = (page: Page, turns: number) =>
  page.waitForFunction(
    (count) => document.querySelectorAll('.turn.model:not([aria-busy]) .quiet').length === count,
    {},
    turns,
  )

async function problemsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found = await page.evaluate('axe.run().then(({ violations }) => JSON.stringify(violations))')
  const violations = JSON.parse(String(found)) as { id: string; nodes: { html: string }[] }[]
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

for (const name of BROWSERS) {
  describe.skipIf(!hasBrowser(name))(`the example page in ${name}`, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await launchBrowser(name)
    })
    afterAll(() => browser?.close())

    it('answers with nano, its thought folded away, and asks nobody else', async () => {
      const { page, strangers, errors } = await open(browser)
      await loadNano(page)
      expect(await textOf(page, '#model')).toMatch(/^nano.*: \d+ MB, \d+ threads?, 1,024 tokens of context$/)
      await ask(page, 'What is 347 + 285?')
      await answered(page, 1)
      expect(await textOf(page, '#log')).toContain('347 + 285 = 632')
      expect(await textOf(page, '#log details')).toMatch(/^Thought.*347\+285/s)
      expect(await page.$eval('#log details', (thought) => (thought as HTMLDetailsElement).open)).toBe(false)
      expect(await textOf(page, '#log .quiet')).toMatch(/^\d+ tokens, [\d.]+ tokens\/s$/)
      await page.click('#think')
      await ask(page, 'What is 12 x 7?')
      await answered(page, 2)
      expect(await page.$$('#log details')).toHaveLength(1)
      await page.click('#new')
      expect(await textOf(page, '#log')).toBe('')
      expect({ strangers, errors }).toEqual({ strangers: [], errors: [] })
      await page.close()
    })

    it('takes a file, stops when asked to, and goes on', async () => {
      const { page, errors } = await open(browser)
      const input = await page.$('input[type=file]')
      await input?.uploadFile(NANO)
      await page.waitForSelector('#composer:not([hidden])')
      await page.type('#question', 'What is 347 + 285?')
      // In one turn of the page, before the answer can be there.
      await page.evaluate(() => {
        document.querySelector('form')?.requestSubmit()
        document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))
      })
      await page.waitForFunction(() => document.querySelector('#status')?.textContent === 'Stopped.')
      await ask(page, 'What is 12 x 7?')
      await answered(page, 1)
      expect(await textOf(page, '#log')).toContain('84')
      expect(errors).toEqual([])
      await page.close()
    })

    it('says what is wrong, and can be tried again', async () => {
      const { page } = await open(browser)
      const input = await page.$('input[type=file]')
      await input?.uploadFile(fileURLToPath(new URL('./serve.js', import.meta.url)))
      await page.waitForSelector('#status.wrong')
      expect(await textOf(page, '#status')).toMatch(/serve\.js/)
      await loadNano(page)
      await page.close()
    })

    it.each(SIZES)('has nothing in the way of anybody at $width px', async (size) => {
      const { page } = await open(browser)
      await page.setViewport(size)
      expect(await problemsOf(page)).toEqual([])
      await loadNano(page)
      await ask(page, 'What is 347 + 285?')
      await answered(page, 1)
      expect(await problemsOf(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
      await page.close()
    })
  })
}
