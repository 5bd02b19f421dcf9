import { brotliCompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { buildBrowser } from '../../../build/browser.js'

/**
 * Bytes. What a page loads may not grow by itself; whoever needs more of it says here what for. The aim is 100 kB: docs/lab.md
 * has what is large.
 */
const LIMIT = 136_000

it('what a page loads, minified and compressed with brotli, is no larger than it has to be', async () => {
  const { page, worker } = await buildBrowser()
  const [size, ofWorker] = [page, worker].map(({ text }) => brotliCompressSync(text).length)
  console.log(`The engine for browsers: ${size} bytes of brotli, of which the worker alone is ${ofWorker}.`)
  expect(size).toBeLessThan(LIMIT)
})
