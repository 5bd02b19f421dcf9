import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { AbortError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { Engine } from './engine.ts'

const model = sharedData('refmodels/qwen3/qwen3.f32.gguf')
const fixture = (name: string) => fileURLToPath(new URL(`../architectures/fixtures/adapters/${name}`, import.meta.url))
const record = { messages: [], opening: 0, options: {} }
const ignore = () => {}
const say = (text: string, conversation?: number) => ({
  prompt: { text },
  conversation,
  options: { temperature: 0, maxTokens: 4, logprobs: 2 },
})
const TEXT = 'hello world, '.repeat(9)

describe.skipIf(!model).each(['reference', 'wasm'] as const)('an engine on %s', (backend) => {
  const loaded = () => Engine.load(model ?? '', { backend, contextLength: 256, threads: 1 })

  it('restores a conversation only with the adapters that it was held with', async () => {
    const engine = await loaded()
    const path = join(temporaryFolder(), 'adapted')
    const attach = (adapter: number, scale: number) =>
      engine.adapters.attach({ path: fixture('qwen3-everywhere'), adapter, scale })
    const restore = () => engine.restore({ conversation: 2, from: path, messagesOnly: false })
    const differs = expect.objectContaining({ code: 'conversation-mismatch', field: 'adapters' })
    await attach(1, 0.5)
    await engine.reply(say(TEXT, 1), ignore)
    await engine.save({ conversation: 1, record, path })
    const expected = await engine.reply(say(`${TEXT} and`, 1), ignore)
    await engine.adapters.detach(1)
    await expect(restore()).rejects.toEqual(differs)
    await attach(1, 1)
    await expect(restore()).rejects.toEqual(differs)
    await engine.adapters.scale(1, 0.5)
    await restore()
    const { text, logprobs, usage } = await engine.reply(say(`${TEXT} and`, 2), ignore)
    expect([text, logprobs, usage]).toEqual([expected.text, expected.logprobs, expected.usage])
    expect(usage.cachedTokens).toBeGreaterThan(64)
    await engine.adapters.attach({ path: fixture('qwen3-patterns.gguf'), adapter: 2, scale: 1 })
    await expect(restore()).rejects.toEqual(differs)
    engine.dispose()
  })

  it('stops saving and restoring at any point when aborted, and leaves nothing behind', async () => {
    const engine = await loaded()
    const folder = temporaryFolder()
    const path = join(folder, 'whole')
    const files = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
    await engine.reply(say(TEXT, 1), ignore)
    await engine.save({ conversation: 1, record, path })
    const before = files()
    const work = {
      save: (signal: AbortSignal) => engine.save({ conversation: 1, record, path: join(folder, 'other') }, signal),
      restore: (signal: AbortSignal) => engine.restore({ conversation: 2, from: path, messagesOnly: false }, signal),
    }
    for (const aborted of [work.restore, work.save]) {
      let look = 1
      for (; ; look++) {
        const outcome: unknown = await aborted(abortAt(look).signal).catch((error: unknown) => error)
        if (!(outcome instanceof Error)) break
        expect(outcome).toBeInstanceOf(AbortError)
        expect(readdirSync(folder)).toEqual(['whole'])
      }
      expect(look).toBeGreaterThan(3)
    }
    expect(files()).toBe(before)
    for (const conversation of [1, 2]) engine.forget(conversation)
    // All pages are free again.
    const whole = { ...say('hello'), options: { temperature: 0 } }
    expect((await engine.reply(whole, ignore)).usage.cachedTokens).toBe(0)
    engine.dispose()
  })

  it('keeps of a restored conversation what there is room for', async () => {
    const path = join(temporaryFolder(), 'crowded')
    const first = await loaded()
    await first.reply(say(TEXT, 1), ignore)
    await first.save({ conversation: 1, record, path })
    const expected = await first.reply(say(`${TEXT} and`, 1), ignore)
    first.dispose()
    const engine = await loaded()
    // Has all pages while it is written, a token a step: nothing in it repeats itself.
    const filling = engine.reply({ ...say('hello'), options: { temperature: 5, seed: 3 } }, ignore)
    await new Promise((resume) => setImmediate(resume))
    await engine.restore({ conversation: 2, from: path, messagesOnly: false })
    expect((await filling).finishReason).toBe('length')
    const { text, usage } = await engine.reply(say(`${TEXT} and`, 2), ignore)
    expect([text, usage.cachedTokens]).toEqual([expected.text, 0])
    engine.dispose()
  })
})
