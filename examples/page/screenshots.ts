// Writes the pictures of the page that docs/ shows: node --conditions=laju-source examples/page/screenshots.ts
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { launchBrowser } from '../../packages/engine/src/testing/browser/browsers.ts'

const FOLDER = new URL('../../docs/images/', import.meta.url)
const VIEWS = [
  { width: 360, height: 640, deviceScaleFactor: 2, scheme: 'dark' },
  { width: 1440, height: 900, deviceScaleFactor: 1, scheme: 'light' },
]

const script = fileURLToPath(new URL('./serve.js', import.meta.url))
const server = spawn(process.execPath, [script], {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const browser = await launchBrowser('chromium')
try {
  const [line] = await once(server.stdout, 'data')
  await mkdir(FOLDER, { recursive: true })
  for (const { scheme, ...view } of VIEWS) {
    const page = await browser.newPage()
    await page.setViewport(view)
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.goto(String(line).trim())
    const shoot = (name: string) =>
      page.screenshot({
        path: fileURLToPath(new URL(`page-${name}-${view.width}.png`, FOLDER)),
        optimizeForSpeed: false,
      })
    await shoot('start')
    await page.click('#nano')
    await page.waitForSelector('#composer:not([hidden])')
    for (const [i, question] of ['What is 347 + 285?', 'Berapa 12 x 7?'].entries()) {
      await page.type('#question', question)
      await page.keyboard.press('Enter')
      await page.waitForFunction((turns) => document.querySelectorAll('.turn .quiet').length === turns, {}, i + 1)
    }
    await page.click('#log details summary')
    await shoot('chat')
  }
} finally {
  await browser.close()
  server.kill()
}
