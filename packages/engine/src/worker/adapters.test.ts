import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Reply } from '../chat/reply.ts'
import { AbortError, CheckpointError, OptionError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { sharedData } from '../testing/shared-data.ts'
import { Engine } from './engine.ts'

const model = sharedData('refmodels/qwen3/qwen3.f32.gguf')
const fixture = (name: string) => fileURLToPath(new URL(`../architectures/fixtures/adapters/${name}`, import.meta.url))
const EVERYWHERE = fixture('qwen3-everywhere')
const PATTERNS = fixture('qwen3-patterns.gguf')
const ignore = () => {}
const say = (text: string, conversation?: number, maxTokens = 8) => ({
  prompt: { text },
  conversation,
  options: { temperature: 0, maxTokens },
})

describe.skipIf(!model).each(['reference', 'wasm'] as const)('adapters of an engine on %s', (backend) => {
  const options = { backend, contextLength: 256, cacheType: 'f32' } as const
  let engine: Engine

  beforeAll(async () => {
    engine = await Engine.load(model ?? '', options)
  })
  afterAll(() => engine?.dispose())
  afterEach(async () => {
    for (const adapter of [1, 2]) await engine.adapters.detach(adapter)
    engine.forget(1)
  })

  const attach = (path: string, adapter: number, scale = 1) => engine.adapters.attach({ path, adapter, scale })
  const reply = (text: string, conversation?: number): Promise<Reply> => engine.reply(say(text, conversation), ignore)

  it('are asked for what they are', async () => {
    expect(await attach(EVERYWHERE, 1)).toEqual({
      name: 'qwen3-everywhere',
      format: 'peft',
      baseModel: 'qwen3',
      architecture: undefined,
      ranks: [3],
      targets: expect.arrayContaining([{ name: 'q_proj', weights: 2 }]),
      parameters: 6720,
      bytes: 13440,
    })
  })

  it('make a conversation compute anew what another set of adapters has left', async () => {
    const before = await reply('hello world', 1)
    await attach(EVERYWHERE, 1)
    const fresh = await reply('hello world')
    const changed = await reply('hello world', 1)
    expect(changed).toMatchObject({ text: fresh.text, usage: { cachedTokens: 0 } })
    expect(changed.text).not.toBe(before.text)
    const goesOn = await reply(`hello world${changed.text} and`, 1)
    expect(goesOn.usage.cachedTokens).toBeGreaterThan(0)
    await engine.adapters.scale(1, 0)
    expect(await reply('hello world', 1)).toMatchObject({ text: before.text, usage: { cachedTokens: 0 } })
    await engine.adapters.detach(1)
    expect(await reply('hello world', 1)).toMatchObject({ text: before.text, usage: { cachedTokens: 0 } })
  })

  it('add up, in any order', async () => {
    await attach(EVERYWHERE, 1)
    const one = (await reply('hello')).text
    await attach(PATTERNS, 2)
    const both = (await reply('hello')).text
    await engine.adapters.detach(1)
    const other = (await reply('hello')).text
    await attach(EVERYWHERE, 1)
    expect((await reply('hello')).text).toBe(both)
    expect(new Set([one, both, other]).size).toBe(3)
  })

  it('are not changed while anything is computed', async () => {
    await attach(EVERYWHERE, 1)
    const long = say('hello', undefined, backend === 'wasm' ? 240 : 60)
    const alone = await engine.reply(long, ignore)
    const running = engine.reply(long, ignore)
    const busy = expect.objectContaining({ code: 'busy', remedy: expect.any(String) })
    await expect(attach(PATTERNS, 2)).rejects.toEqual(busy)
    await expect(engine.adapters.scale(1, 2)).rejects.toEqual(busy)
    await expect(engine.adapters.detach(1)).rejects.toEqual(busy)
    expect((await running).text).toBe(alone.text)
  })

  it('can be changed at once when a reply has been aborted', async () => {
    const controller = new AbortController()
    const running = engine.reply(say('hello', undefined, 200), ignore, controller.signal)
    const aborted = expect(running).rejects.toThrow(AbortError)
    await new Promise((resume) => setImmediate(resume))
    controller.abort()
    await attach(EVERYWHERE, 1)
    await aborted
  })

  it('are gone once detached, and refuse what makes no sense', async () => {
    await attach(EVERYWHERE, 1)
    await engine.adapters.detach(1)
    await engine.adapters.detach(1)
    await expect(engine.adapters.scale(1, 2)).rejects.toMatchObject({ code: 'disposed' })
    await expect(attach(EVERYWHERE, 1, Number.NaN)).rejects.toThrow(OptionError)
    await expect(attach(`${EVERYWHERE}-not`, 1)).rejects.toThrow(CheckpointError)
    await expect(attach(fixture('llama-attention.gguf'), 1)).rejects.toMatchObject({ code: 'adapter-mismatch' })
  })

  it('are not attached when that is aborted at any point, and leave no file open', async () => {
    const plain = await reply('hello')
    const files = () => readdirSync('/proc/self/fd').length
    const before = process.platform === 'linux' ? files() : 0
    let look = 1
    for (; ; look++) {
      const { signal } = abortAt(look)
      const request = { path: EVERYWHERE, adapter: 1, scale: 1 }
      const outcome: unknown = await engine.adapters.attach(request, signal).catch((error: unknown) => error)
      if (!(outcome instanceof Error)) break
      expect(outcome).toBeInstanceOf(AbortError)
      if (look % 8 === 0) expect((await reply('hello')).text).toBe(plain.text)
    }
    expect(look).toBeGreaterThan(20)
    if (process.platform === 'linux') expect(files()).toBe(before)
  })
})
