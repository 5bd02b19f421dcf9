import { readdirSync, readlinkSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LajuError } from '../errors.ts'
import { Engine } from '../worker/engine.ts'
import { allocationsSeen, failAllocation, watchAllocations } from './fail-allocation.ts'

/*
 * Loads the bundled model with its n-th allocation failing, for n = 1, 2, … until all succeed, and prints what came of
 * each, and what is left: threads, open files. Then it should end by itself.
 *
 *   node packages/engine/src/testing/allocations-child.ts [THREADS] [STEP]
 */

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const SETTLE_MS = 300
const threads = Number(process.argv[2] ?? 1)
const step = Number(process.argv[3] ?? 1)
/** How many allocations the last load made, failing ones included. */
let seen = 0

async function outcomeOf(n: number): Promise<string> {
  failAllocation(n)
  try {
    const loading = Engine.load(NANO, { threads, contextLength: 128 })
    const engine = await loading.finally(() => {
      seen = allocationsSeen()
      failAllocation(Number.POSITIVE_INFINITY)
    })
    const prompt = { messages: [{ role: 'user' as const, content: '1 + 1?' }] }
    await engine.reply({ prompt, conversation: undefined, options: { maxTokens: 2, temperature: 0 } }, () => {})
    engine.dispose()
    return 'loaded'
  } catch (error) {
    return error instanceof LajuError ? error.code : String(error instanceof Error ? error.stack : error)
  }
}

/** Of this process, where the system can tell. */
function entries(folder: 'fd' | 'task'): string[] {
  try {
    return readdirSync(`/proc/self/${folder}`).map((name) => `/proc/self/${folder}/${name}`)
  } catch {
    return []
  }
}

function isModel(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor) === NANO
  } catch {
    return false
  }
}

// Has the threads started that read files.
await stat(NANO)
const before = entries('task').length
watchAllocations()
const outcomes: Record<string, number> = {}
let n = 1
for (; ; n += step) {
  const outcome = await outcomeOf(n)
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  if (outcome === 'loaded' && seen < n) break
}
await setTimeout(SETTLE_MS)
const left = { threads: entries('task').length - before, files: entries('fd').filter(isModel).length }
console.log(JSON.stringify({ allocations: seen, outcomes, left }))
