import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Message } from '../chat/message.ts'
import type { ReplyPart } from '../chat/reply.ts'
import { AbortError, ContextError, LajuError, OptionError, TemplateError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { sharedData } from '../testing/shared-data.ts'
import { withChatTemplate } from '../testing/with-chat-template.ts'
import { Engine } from './engine.ts'

const model = sharedData('refmodels/qwen3/qwen3.f32.gguf')
const raw = (text: string, settings = {}) => ({
  prompt: { text },
  conversation: undefined,
  options: { temperature: 0, maxTokens: 6, ...settings },
})
const ignore = () => {}

/** Open files of this process, where the system can tell. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

describe.skipIf(!model).each(['reference', 'wasm'] as const)('Engine on %s', (backend) => {
  const path = model ?? ''
  const options = { backend, contextLength: 128, cacheType: 'f32' } as const
  let engine: Engine

  beforeAll(async () => {
    engine = await Engine.load(path, options)
  })
  afterAll(() => engine?.dispose())

  it('stops loading at any point when aborted, and closes its files', async () => {
    const before = openFiles()
    let look = 1
    for (; ; look++) {
      const { signal } = abortAt(look)
      const outcome = await Engine.load(path, options, { signal }).catch((error: unknown) => error)
      if (outcome instanceof Engine) {
        outcome.dispose()
        break
      }
      expect(outcome).toBeInstanceOf(AbortError)
    }
    expect(look).toBeGreaterThan(20)
    expect(openFiles()).toBe(before)
  })

  it('stops a reply at any point when aborted, and keeps no memory for it', async () => {
    const whole = await engine.reply(raw('hello'), ignore)
    let look = 1
    for (; ; look++) {
      const { signal } = abortAt(look)
      const outcome = await engine.reply(raw('hello'), ignore, signal).catch((error: unknown) => error)
      if (!(outcome instanceof Error)) break
      expect(outcome).toBeInstanceOf(AbortError)
    }
    expect(look).toBeGreaterThan(whole.usage.outputTokens)
    // The whole context is free again, or this would not fit.
    const full = await engine.reply(raw('hello', { maxTokens: undefined }), ignore)
    expect(full.text.startsWith(whole.text)).toBe(true)
  })

  it('stops forward at any point when aborted', async () => {
    const ids = Int32Array.from({ length: 100 }, (_, i) => i)
    let look = 1
    for (; ; look++) {
      const { signal } = abortAt(look)
      const outcome = await engine.forward(ids, ignore, signal).catch((error: unknown) => error)
      if (outcome === undefined) break
      expect(outcome).toBeInstanceOf(AbortError)
    }
    expect(look).toBeGreaterThan(2)
  })

  it('says both numbers when a prompt does not fit', async () => {
    const text = 'a'.repeat(400)
    const needed = engine.tokenizer.encode(text).length + 1
    const error = await engine.reply(raw(text), ignore).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ContextError)
    expect(error).toMatchObject({ code: 'context-exceeded', needed, available: 128 })
  })

  it('refuses an empty prompt, unknown tokens, and settings out of range', async () => {
    await expect(engine.reply(raw(''), ignore)).rejects.toMatchObject({ code: 'empty-prompt' })
    await expect(engine.forward(Int32Array.of(1, 320), ignore)).rejects.toThrow(OptionError)
    await expect(engine.forward(Int32Array.of(-1), ignore)).rejects.toThrow(OptionError)
    for (const wrong of [{ maxTokens: 0 }, { temperature: -1 }, { topP: 2 }, { logprobs: 21 }, { stop: [''] }]) {
      await expect(engine.reply(raw('hello', wrong), ignore)).rejects.toThrow(OptionError)
    }
    await expect(engine.reply(raw('hello', { thinkingBudget: 8 }), ignore)).rejects.toThrow(OptionError)
  })

  it('refuses messages where there is no template', async () => {
    const messages = [{ role: 'user', content: 'Hi' }] as const
    const request = { prompt: { messages }, conversation: undefined, options: {} }
    await expect(engine.reply(request, ignore)).rejects.toThrow(TemplateError)
  })

  it('computes only what a conversation adds', async () => {
    const ask = (text: string) => engine.reply({ ...raw(text), conversation: 1 }, ignore)
    const first = await ask('hello world')
    const again = await ask(`hello world${first.text} and more`)
    expect(first.usage.cachedTokens).toBe(0)
    expect(again.usage.cachedTokens).toBeGreaterThanOrEqual(first.usage.inputTokens)
    const fresh = await engine.reply(raw(`hello world${first.text} and more`), ignore)
    expect(again.text).toBe(fresh.text)
    engine.forget(1)
  })

  it('computes only what a round of function calls adds', async () => {
    const template =
      '{% for t in tools or [] %}{{ t.function | tojson }}{% endfor %}{% for m in messages %}[{{ m.role }}]{{ m.content }}' +
      '{% for c in m.tool_calls or [] %}<tool_call>{"name": "{{ c.function.name }}", "arguments": ' +
      '{{ c.function.arguments | tojson }}}</tool_call>{% endfor %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}'
    const calling = await Engine.load(withChatTemplate(path, template), { ...options, contextLength: 256 })
    const tools = [{ name: 'f', description: 'd' }]
    const ask = (messages: Message[], conversation: number | undefined) =>
      calling.reply({ prompt: { messages, tools }, conversation, options: { temperature: 0, maxTokens: 4 } }, ignore)
    const question: Message[] = [{ role: 'user', content: 'hello' }]
    const first = await ask(question, 1)
    const round: Message[] = [
      ...question,
      { role: 'assistant', content: first.text, toolCalls: [{ id: 'call00000', name: 'f', input: {} }] },
      { role: 'tool', content: 'x', toolCallId: 'call00000', toolName: 'f' },
    ]
    const second = await ask(round, 1)
    expect(second.usage.cachedTokens).toBeGreaterThanOrEqual(first.usage.inputTokens)
    expect(second.text).toBe((await ask(round, undefined)).text)
    calling.dispose()
  })

  it('refuses functions where the template knows none', async () => {
    const plain = await Engine.load(withChatTemplate(path, '{{ messages[0].content }}'), options)
    const prompt = { messages: [{ role: 'user', content: 'Hi' }] as const, tools: [{ name: 'f' }] }
    await expect(plain.reply({ prompt, conversation: undefined, options: {} }, ignore)).rejects.toThrow(OptionError)
    plain.dispose()
  })

  it('answers several requests at once as if each were alone', async () => {
    const prompts = ['hello', 'a longer prompt than the others', 'x']
    const alone = []
    for (const prompt of prompts) alone.push((await engine.reply(raw(prompt), ignore)).text)
    const together = await Promise.all(prompts.map((prompt) => engine.reply(raw(prompt), ignore)))
    expect(together.map((reply) => reply.text)).toEqual(alone)
  })

  it('goes on with a reply whose conversation is forgotten meanwhile, and keeps no memory for it', async () => {
    const alone = await engine.reply(raw('hello'), ignore)
    const forgetting = engine.reply({ ...raw('hello'), conversation: 7 }, () => engine.forget(7))
    const beside = engine.reply(raw('hello'), ignore)
    expect((await forgetting).text).toBe(alone.text)
    expect((await beside).text).toBe(alone.text)
    expect((await engine.reply({ ...raw('hello'), conversation: 7 }, ignore)).usage.cachedTokens).toBe(0)
    engine.forget(7)
  })

  it('lets requests wait that do not fit beside others', async () => {
    const full = { maxTokens: undefined }
    const replies = await Promise.all([1, 2, 3].map(() => engine.reply(raw('hello', full), ignore)))
    expect(new Set(replies.map((reply) => reply.text)).size).toBe(1)
  })

  it('streams the text it returns, and finishes with the reply', async () => {
    const parts: ReplyPart[] = []
    const reply = await engine.reply(raw('hello', { logprobs: 2 }), (part) => parts.push(part))
    const text = parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')
    expect(text).toBe(reply.text)
    expect(parts.at(-1)).toEqual({ type: 'finish', reply })
    expect(reply.finishReason).toBe('length')
    expect(reply.logprobs).toHaveLength(6)
    expect(reply.reasoning).toBeUndefined()
  })

  it('gives the same text for the same seed', async () => {
    const sampled = (seed: number) => engine.reply(raw('hello', { temperature: 1.5, seed, maxTokens: 20 }), ignore)
    expect((await sampled(7)).text).toBe((await sampled(7)).text)
    expect((await sampled(7)).text).not.toBe((await sampled(8)).text)
  })

  it('refuses options it does not know', async () => {
    await expect(Engine.load(path, { backend: 'cuda' as 'wasm' })).rejects.toThrow(OptionError)
    await expect(Engine.load(path, { contextLength: 0 })).rejects.toThrow(OptionError)
    await expect(Engine.load(path, { contextLength: 1e6 })).rejects.toThrow(OptionError)
    await expect(Engine.load(`${path}.missing`, {})).rejects.toThrow(LajuError)
  })
})
