import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'
import { main } from '../main.ts'

const NANO = readFileSync(fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url)))

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

/** A server of one file, which gives parts of it where it is told to. */
async function serving(hasRanges: boolean): Promise<{ url: string } & Disposable> {
  const server = createServer((request, response) => {
    const [, first, last] = (hasRanges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')) || []
    const part = first === undefined ? NANO : NANO.subarray(Number(first), Number(last) + 1)
    if (first !== undefined) {
      const range = `bytes ${first}-${Number(first) + part.length - 1}/${NANO.length}`
      response.writeHead(206, { 'content-range': range })
    }
    response.end(part)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.gguf`
  return { url, [Symbol.dispose]: () => void server.close().closeAllConnections() }
}

async function inspected(url: string, ...options: string[]) {
  vi.stubEnv('HF_HUB_CACHE', join(tmpdir(), 'laju-none', 'hub'))
  let [stdout, stderr] = ['', '']
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout += text
  })
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += text
  })
  return { exitCode: await main(['inspect', url, ...options]), stdout, stderr }
}

it('laju inspect of an address says what a download would be', async () => {
  using server = await serving(true)
  const { exitCode, stdout } = await inspected(server.url)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^architecture +qwen3$/m)
  expect(stdout).toMatch(/^download +1\.\d+ MB; it is not here yet$/m)
  expect(JSON.parse((await inspected(server.url, '--json')).stdout)).toMatchObject({ download: NANO.length })
})

it('laju inspect says when a server gives whole files only', async () => {
  using server = await serving(false)
  const { exitCode, stderr } = await inspected(server.url)
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/gives files as a whole only[\s\S]*laju pull/)
})
