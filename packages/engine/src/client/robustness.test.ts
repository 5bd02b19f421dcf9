import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { WorkerThread } from '#machine/worker'
import { EngineError } from '../errors.ts'
import { CHANNEL } from '../testing/dying-thread-worker.ts'
import { EngineThread } from './engine-thread.ts'
import { load } from './model.ts'

const nano = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const path = (name: string) => fileURLToPath(new URL(`../testing/${name}`, import.meta.url))
const PATIENCE_MS = 60_000

/** Runs a script to its end, which must come by itself. @returns the JSON that it prints */
async function run(script: string, ...given: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [path(script), ...given], { timeout: PATIENCE_MS })
  return JSON.parse(stdout)
}

describe('a compute thread that ends while a reply is written', () => {
  it('ends the reply, and every later one, with a typed error; the model can be loaded again', async () => {
    const channel = new BroadcastChannel(CHANNEL)
    const ask = async (thread: EngineThread, onEvent?: () => void) => {
      const prompt = { messages: [{ role: 'user', content: 'What is 347 + 285?' }] } as const
      const options = { temperature: 1, seed: 1, maxTokens: 900 }
      return thread.call('reply', { prompt, conversation: undefined, options }, { onEvent })
    }
    for (let round = 0; round < 3; round++) {
      const url = new URL('../testing/dying-thread-worker.ts', import.meta.url)
      const thread = new EngineThread(new WorkerThread(new Worker(url, { workerData: { role: 'engine' } })))
      const info = await thread.call('load', { path: nano, options: { threads: 2 } })
      expect(info.architecture).toBe('qwen3')
      await ask(thread)
      const reply = ask(thread, () => channel.postMessage('now'))
      // A reply may be over before its thread is.
      await reply.catch((error: unknown) => expect(error).toMatchObject({ code: 'worker-failed' }))
      const next = await ask(thread).catch((error: unknown) => error)
      expect(next).toBeInstanceOf(EngineError)
      expect(next).toMatchObject({ code: 'worker-failed', remedy: expect.stringContaining('again') })
      await thread.stop(new EngineError('disposed', 'It was a test.'))
    }
    channel.close()
    await using model = await load(nano, { threads: 2 })
    expect((await model.ask('What is 347 + 285?', { temperature: 0 })).text).toContain('632')
  })
})

describe('memory that cannot be had', () => {
  it(
    'makes loading fail with a typed error, whichever allocation it is, and leaves nothing running',
    async () => {
      for (const given of [['1'], ['2', '16']]) {
        const { allocations, outcomes, left } = await run('allocations-child.ts', ...given)
        expect(allocations).toBeGreaterThan(100)
        // Or more: until all kernels have been checked, a load makes more allocations than the last.
        const least = Math.ceil(allocations / Number(given[1] ?? 1))
        expect(outcomes).toEqual({ 'out-of-memory': expect.any(Number), loaded: 1 })
        expect(outcomes['out-of-memory']).toBeGreaterThanOrEqual(least)
        expect(left).toEqual({ threads: 0, files: 0 })
      }
    },
    PATIENCE_MS,
  )
})

describe('many models, one after the other', () => {
  it(
    'leave no thread and no open file, and let the process end',
    async () => {
      const { before, after } = await run('load-and-dispose.ts', '3')
      expect([after.threads, after.files]).toEqual([before.threads, before.files])
    },
    PATIENCE_MS,
  )
})
