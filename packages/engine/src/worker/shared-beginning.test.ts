import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Message } from '../chat/message.ts'
import type { ReplyPart } from '../chat/reply.ts'
import { Engine } from './engine.ts'

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const ignore = (_part: ReplyPart) => {}
const system: Message = {
  role: 'system',
  content: 'You work out sums, one after the other, and check each of them before you answer. '.repeat(4),
}
const user = (content: string): Message => ({ role: 'user', content })

/** What a conversation begins with is computed once, whoever holds it, and nobody can tell but by the count. */
describe.each([
  ['wasm', 'i16', 1],
  ['wasm', 'q8_0', 2],
  ['wasm', 'f16', 1],
  ['wasm', 'f32', 2],
  ['reference', 'f16', 1],
] as const)('a beginning that %s has in another conversation (%s, %i threads)', (backend, cacheType, threads) => {
  let engine: Engine
  let fresh: Engine
  beforeAll(async () => {
    const options = { backend, cacheType, threads, contextLength: 512 }
    engine = await Engine.load(NANO, options)
    fresh = await Engine.load(NANO, options)
  })
  afterAll(() => {
    engine?.dispose()
    fresh?.dispose()
  })

  const request = (messages: readonly Message[], conversation?: number) => ({
    prompt: { messages },
    conversation,
    options: { temperature: 0, maxTokens: 6, logprobs: 5 },
  })
  /** Text, and log-probabilities to the bit, as an engine gives them that has computed nothing yet. */
  const alone = async (messages: readonly Message[]) => {
    const { text, logprobs, usage } = await fresh.reply(request(messages), ignore)
    expect(usage.cachedTokens).toBe(0)
    return { text, logprobs }
  }

  it('is not computed again, and the answer is the same to the bit', async () => {
    const first = await engine.reply(request([system, user('What is 12 + 30?')], 1), ignore)
    expect(first.usage.cachedTokens).toBe(0)
    const messages = [system, user('How much is 400 - 17?')]
    const expected = await alone(messages)
    for (const conversation of [2, undefined]) {
      const second = await engine.reply(request(messages, conversation), ignore)
      expect(second).toMatchObject(expected)
      expect(second.usage.cachedTokens).toBeGreaterThan(64)
      expect(second.usage.cachedTokens).toBeLessThan(second.usage.inputTokens)
    }
    // The first goes on with what it had.
    const turns = [system, user('What is 12 + 30?'), { role: 'assistant', content: first.text } as const, user('Why?')]
    const goesOn = await engine.reply(request(turns, 1), ignore)
    expect(goesOn).toMatchObject(await alone(turns))
    expect(goesOn.usage.cachedTokens).toBeGreaterThan(64)
    for (const conversation of [1, 2]) engine.forget(conversation)
    expect((await engine.reply(request(messages), ignore)).usage.cachedTokens).toBe(0)
  })

  it('may go to make room, and several may take it at once', async () => {
    await engine.reply(request([system, user('1 + 1?')], 1), ignore)
    const questions = ['2 + 2?', '3 + 3?', '4 + 4?'].map((question) => [system, user(question)])
    const replies = await Promise.all(questions.map((messages) => engine.reply(request(messages), ignore)))
    for (const [i, reply] of replies.entries()) {
      expect(reply).toMatchObject(await alone(questions[i]))
      expect(reply.usage.cachedTokens).toBeGreaterThan(64)
    }
    // Takes every page there is, the one that it shares included.
    const { logprobs: _, ...options } = { ...request([]).options, maxTokens: undefined }
    const whole = await engine.reply({ ...request(questions[0]), options }, ignore)
    expect(whole.text.startsWith(replies[0].text)).toBe(true)
    engine.forget(1)
  })

  it('is computed again where logits of every token are asked for', async () => {
    const ids = engine.tokenizer.encode('A text of some words. '.repeat(5))
    const text = engine.tokenizer.decode(ids)
    await engine.reply({ prompt: { text }, conversation: 1, options: { maxTokens: 2 } }, ignore)
    let rows = 0
    await engine.forward(ids, (logits) => {
      rows += logits.length / engine.info.vocabulary
    })
    expect(rows).toBe(ids.length)
    engine.forget(1)
  })

  it('makes going back and editing a turn compute only what changed', async () => {
    const question = user('What is 25 + 17?')
    const first = await engine.reply(request([system, question], 1), ignore)
    const answer: Message = { role: 'assistant', content: first.text }
    await engine.reply(request([system, question, answer, user('And twice that?')], 1), ignore)
    const edited = [system, question, answer, user('And half of it?')]
    const second = await engine.reply(request(edited, 1), ignore)
    expect(second).toMatchObject(await alone(edited))
    expect(second.usage.cachedTokens).toBeGreaterThanOrEqual(first.usage.inputTokens - 8)
    const back = await engine.reply(request([system, question], 1), ignore)
    expect(back).toMatchObject({ text: first.text, logprobs: first.logprobs })
    expect(back.usage.cachedTokens).toBe(back.usage.inputTokens - 1)
    engine.forget(1)
  })
})
