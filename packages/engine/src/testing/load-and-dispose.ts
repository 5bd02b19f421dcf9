import { existsSync, readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { load } from '../client/model.ts'

/*
 * Loads, asks and disposes the bundled model again and again, and prints what is left: memory of the process and
 * threads, before (when what is made once has been made) and after. Then it should end by itself.
 *
 *   node --conditions=laju-source packages/engine/src/testing/load-and-dispose.ts [COUNT]
 */

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
/** Loads after which compilers and allocators have what they keep. */
const MOST_FIRST = 20
const SETTLE_MS = 300

async function once(): Promise<void> {
  const model = await load(NANO, { threads: 2 })
  await model.ask('What is 1 + 1?', { temperature: 0, maxTokens: 4 })
  await model.dispose()
}

async function state() {
  globalThis.gc?.()
  await setTimeout(SETTLE_MS)
  const threads = existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0
  const files = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0
  return { megabytes: process.memoryUsage.rss() / 1e6, threads, files }
}

const count = Number(process.argv[2] ?? 200)
for (let i = 0; i < Math.min(MOST_FIRST, count); i++) await once()
const before = await state()
const start = performance.now()
for (let i = 0; i < count; i++) await once()
const seconds = (performance.now() - start) / 1000
console.log(JSON.stringify({ count, seconds, before, after: await state() }))
