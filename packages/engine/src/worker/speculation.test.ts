import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../chat/message.ts'
import type { ReplyOptions, ReplyPart } from '../chat/reply.ts'
import { Speculation } from '../generate/speculation.ts'
import { sharedData } from '../testing/shared-data.ts'
import { Engine } from './engine.ts'
import type { ReplyRequest } from './messages.ts'

/* Replies with guesses are those without: text, parts, log-probabilities, counts, and what a conversation keeps. */

afterEach(() => vi.restoreAllMocks())

async function reply(engine: Engine, prompt: ReplyRequest['prompt'], options: ReplyOptions) {
  const deltas: ReplyPart[] = []
  const emit = (part: ReplyPart) => {
    if (part.type !== 'finish') deltas.push(part)
  }
  const { timings: _, ...first } = await engine.reply({ prompt, conversation: 1, options }, emit)
  // The same again tells how much of the first the conversation has kept.
  const again = 'text' in prompt ? { text: prompt.text + first.text } : prompt
  const { usage } = await engine.reply({ prompt: again, conversation: 1, options: { ...options, maxTokens: 1 } }, emit)
  engine.forget(1)
  return { deltas, first, usage }
}

/** The reply without guesses and with; steps seem to take no time, so that guesses are always thought to pay. */
async function both(engine: Engine, prompt: ReplyRequest['prompt'], options: ReplyOptions) {
  const off = vi.spyOn(Speculation.prototype, 'guess').mockReturnValue([])
  const plain = await reply(engine, prompt, options)
  off.mockRestore()
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
  const measured = vi.spyOn(Speculation.prototype, 'measured')
  const guessed = await reply(engine, prompt, options)
  const accepted = measured.mock.calls.reduce((sum, [, tokens]) => sum + tokens - 1, 0)
  clock.mockRestore()
  measured.mockRestore()
  return { plain, guessed, accepted }
}

describe('the bundled model', () => {
  const folder = fileURLToPath(new URL('../../../nano/', import.meta.url))
  const { cases } = JSON.parse(readFileSync(`${folder}fixtures/greedy.json`, 'utf8')) as {
    cases: { messages: Message[]; thinking: boolean }[]
  }
  const settings: ReplyOptions[] = [
    { temperature: 0 },
    { temperature: 0, logprobs: 3 },
    { temperature: 1, seed: 5, logprobs: 0 },
    { temperature: 1.5, topK: 8, seed: 6, repetitionPenalty: 1.1 },
    { thinkingBudget: 12, seed: 7 },
    { temperature: 0, thinkingBudget: 40, stop: ['='] },
    { temperature: 0.7, seed: 8, maxTokens: 33 },
  ]

  it.each([1, 2])('writes the same on %i threads, whatever the settings', async (threads) => {
    const engine = await Engine.load(`${folder}nano-q8_0.gguf`, { contextLength: 512, threads })
    let acceptedInAll = 0
    for (const [i, options] of settings.entries()) {
      for (const { messages, thinking } of cases.slice(8 * i, 8 * i + 8)) {
        const { plain, guessed, accepted } = await both(engine, { messages }, { thinking, maxTokens: 120, ...options })
        expect(guessed).toEqual(plain)
        acceptedInAll += accepted
      }
    }
    engine.dispose()
    expect(acceptedInAll).toBeGreaterThan(50)
  })
})

describe.skipIf(!sharedData('refmodels/qwen3/qwen3.f32.gguf')).each(['reference', 'wasm'] as const)(
  'a random model on %s',
  (backend) => {
    it('goes round the same circles, across pages', async () => {
      const path = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
      const engine = await Engine.load(path, { backend, contextLength: 256 })
      let acceptedInAll = 0
      for (const options of [{ temperature: 0 }, { temperature: 0.6, seed: 3, logprobs: 2 }, { temperature: 0.3 }]) {
        const text = 'round and round and round'
        const { plain, guessed, accepted } = await both(engine, { text }, { maxTokens: 80, seed: 1, ...options })
        expect(guessed).toEqual(plain)
        acceptedInAll += accepted
      }
      engine.dispose()
      expect(acceptedInAll).toBeGreaterThan(20)
    })
  },
)
