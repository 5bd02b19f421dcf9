import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { BrowserBench } from '../packages/engine/src/testing/browser/browser-bench.ts'
import { serveEngine } from '../packages/engine/src/testing/browser/built.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import type { PhoneFigures, PhonePage } from './contenders/pages/phone.ts'
import { describeMachine } from './machine.ts'

const USAGE = `Runs a model in a page as narrow as a phone's, from the storage of the site, within a limit of memory: how soon it
answers, what the page's process takes at most, and whether the page stays responsive. For Linux, in Chromium.

  node bench/phone.ts FILE [options]

  --limit MB    of memory that the model may take (default 1200)
  --threads N   default 2`

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { limit: { type: 'string', default: '1200' }, threads: { type: 'string', default: '2' } },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const memoryLimit = 1e6 * wholeNumber('limit', values.limit, 1)
  const threads = wholeNumber('threads', values.threads, 1)

  await using bench = await BrowserBench.start('chromium')
  bench.serve('/model.gguf', { file })
  await serveEngine(bench)
  await using page = await bench.open()
  await page.page.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true, deviceScaleFactor: 2 })
  const renderers = renderersOf(bench.browser.process()?.pid ?? 0)
  const before = Math.max(...renderers.map(peakOf))
  const request = { url: '/model.gguf', memoryLimit, threads }
  const script = new URL('./contenders/pages/phone.ts', import.meta.url)
  const figures = await page.run<PhonePage, PhoneFigures>(script, request)
  const peak = Math.max(...renderers.map(peakOf))

  const { cpu, runtime, simd } = describeMachine()
  console.log(`${basename(file)} in Chromium; ${cpu}, ${simd.join(' ')}, ${runtime}`)
  console.log(`context         ${figures.contextLength} tokens as ${figures.cacheType}, ${figures.tokens} of them used`)
  console.log(`model           ${megabytes(figures.memory)} of ${megabytes(memoryLimit)}`)
  console.log(`process         ${megabytes(peak)} at most, ${megabytes(before)} before the model`)
  console.log(`first token     ${Math.round(figures.firstTokenMs)} ms after load() was called`)
  console.log(`writing         ${figures.tokensPerSecond.toFixed(1)} tokens/s`)
  console.log(`longest task    ${Math.round(figures.longestTaskMs)} ms of the page's thread (0: below 50)`)
})

/** The processes of pages, anywhere below the browser's. */
function renderersOf(browser: number): number[] {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  const parents = new Map(processes.map((id) => [id, Number(statusOf(id, 'PPid'))]))
  const isBelow = (id: number): boolean => id === browser || (id > 1 && isBelow(parents.get(id) ?? 0))
  return processes.filter((id) => isBelow(id) && read(`/proc/${id}/cmdline`).includes('--type=renderer'))
}

/** Bytes. */
function peakOf(id: number): number {
  return 1024 * Number.parseInt(statusOf(id, 'VmHWM'), 10) || 0
}

function statusOf(id: number, field: string): string {
  return new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(read(`/proc/${id}/status`))?.[1] ?? ''
}

/** A process may be gone by now. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
