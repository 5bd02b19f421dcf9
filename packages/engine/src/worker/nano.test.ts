import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wasmBackend } from '../backends/wasm/backend.ts'
import type { Message } from '../chat/message.ts'
import type { Reply, ReplyPart } from '../chat/reply.ts'
import { ChatTemplate } from '../chat/template.ts'
import { chatTemplateSource } from '../chat/template-source.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { Harness } from '../testing/harness.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import { Engine } from './engine.ts'

/*
 * The bundled model, the only trained one that every checkout has, against Hugging Face (F32) and llama.cpp (Q8_0).
 * What the fixtures are, packages/nano/fixtures/README.md says.
 */

interface Case {
  readonly messages: readonly Message[]
  readonly thinking: boolean
  readonly prompt: string
  readonly prompt_ids: number[]
  readonly f32_ids: number[]
  readonly q8_0_ids: number[]
  readonly q8_0_gaps: number[]
}

const folder = fileURLToPath(new URL('../../../nano/', import.meta.url))
const gguf = `${folder}nano-q8_0.gguf`
const huggingFace = `${folder}fixtures/hf`
const { cases } = JSON.parse(readFileSync(`${folder}fixtures/greedy.json`, 'utf8')) as { cases: Case[] }

describe.each([gguf, huggingFace])('the text of %s', (path) => {
  it('is that of Hugging Face: template and ids', async () => {
    const checkpoint = await openCheckpoint(path)
    const tokenizer = tokenizerOf(checkpoint)
    const template = new ChatTemplate(chatTemplateSource(checkpoint) ?? '', tokenizer.specialTokens, path)
    await checkpoint.close()
    for (const { messages, thinking, prompt, prompt_ids } of cases) {
      expect(template.prompt(messages, { thinking }).text).toBe(prompt)
      expect([...tokenizer.encode(prompt)]).toEqual(prompt_ids)
    }
  })
})

describe('the greedy answers', () => {
  it('in F32 are those of Hugging Face, all of them', async () => {
    const harness = await Harness.load(huggingFace, wasmBackend, { cacheType: 'f32' })
    for (const { prompt_ids, f32_ids } of cases) {
      expect(await harness.greedy(prompt_ids, f32_ids.length)).toEqual(f32_ids)
    }
    harness.dispose()
  })

  it('in Q8_0 are those of llama.cpp, at least 97 % of them', async () => {
    const harness = await Harness.load(gguf, wasmBackend, { cacheType: 'f16' })
    const parted: { prompt: string; at: number; gap: number }[] = []
    for (const { prompt, prompt_ids, q8_0_ids, q8_0_gaps } of cases) {
      const ids = await harness.greedy(prompt_ids, q8_0_ids.length)
      const at = ids.findIndex((id, i) => id !== q8_0_ids[i])
      if (at >= 0) parted.push({ prompt, at, gap: q8_0_gaps[at] })
    }
    harness.dispose()
    for (const { prompt, at, gap } of parted) console.log(`parted at token ${at}, top-2 gap ${gap}: ${prompt}`)
    expect(cases.length - parted.length).toBeGreaterThanOrEqual(0.97 * cases.length)
  })
})

describe('thinking', () => {
  let engine: Engine
  let parts: ReplyPart[]
  const ask = (messages: readonly Message[], options: object): Promise<Reply> => {
    parts = []
    const request = { prompt: { messages }, conversation: undefined, options: { temperature: 0, ...options } }
    return engine.reply(request, (part) => parts.push(part))
  }

  beforeAll(async () => {
    engine = await Engine.load(gguf, { contextLength: 512 })
  })
  afterAll(() => engine?.dispose())

  it.each([1, 16, 64])('stays within a budget of %i, and an answer follows', async (thinkingBudget) => {
    let answered = 0
    for (const { messages } of cases) {
      const reply = await ask(messages, { thinkingBudget, maxTokens: 200 })
      expect(reply.usage.reasoningTokens).toBeLessThanOrEqual(thinkingBudget)
      expect(engine.tokenizer.encode(reply.reasoning ?? '').length).toBeLessThanOrEqual(thinkingBudget)
      expect(reply.text).not.toMatch(/<\/?think>/)
      if (reply.text !== '' && reply.finishReason === 'stop') answered++
    }
    expect(answered).toBeGreaterThanOrEqual(0.99 * cases.length)
  })

  it.each([{ thinkingBudget: 0 }, { thinking: false }])('does not happen with %o', async (options) => {
    let answered = 0
    for (const { messages } of cases) {
      const reply = await ask(messages, { ...options, maxTokens: 200 })
      expect(parts.filter(({ type }) => type === 'reasoning-delta')).toEqual([])
      expect(reply.reasoning).toBeUndefined()
      expect(reply.usage.reasoningTokens).toBe(0)
      if (reply.text !== '' && reply.finishReason === 'stop') answered++
    }
    expect(answered).toBeGreaterThanOrEqual(0.99 * cases.length)
  })

  it('arrives before the answer, as parts of its own', async () => {
    const reply = await ask([{ role: 'user', content: 'What is 347 + 285?' }], { thinking: true })
    expect(reply.reasoning).toBeTruthy()
    const types = parts.map(({ type }) => type)
    expect(types.lastIndexOf('reasoning-delta')).toBeLessThan(types.indexOf('text-delta'))
    expect(types.at(-1)).toBe('finish')
    const text = (type: string) => parts.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
    expect(text('reasoning-delta')).toBe(reply.reasoning)
    expect(text('text-delta')).toBe(reply.text)
  })
})
