import { describe, expect, it } from 'vitest'
import type { Message } from '../chat/message.ts'
import type { Reply, ReplyPart } from '../chat/reply.ts'
import type { ToolCall } from '../chat/tools.ts'
import { AbortError, ContextError, OptionError } from '../errors.ts'
import type { ReplyRequest } from '../worker/messages.ts'
import { Conversation, type ConversationOptions } from './conversation.ts'
import type { Caller } from './reply-in-rounds.ts'
import type { Tools } from './tools.ts'

/** What the engine answers in one round: text, calls, or an error. */
type Round = { text?: string; toolCalls?: ToolCall[]; finishReason?: Reply['finishReason'] } | Error

const call = (number: number, input: ToolCall['input'], name = 'add'): ToolCall => ({
  id: `call0000${number}`,
  name,
  input,
})
const add = {
  description: 'Adds.',
  parameters: { type: 'object' },
  execute: ({ a, b }: Record<string, unknown>) => Number(a) + Number(b),
}

/** An engine that answers from a list, and what it was asked. */
function scripted(rounds: readonly Round[], options: ConversationOptions = {}) {
  const asked: ReplyRequest[] = []
  const engine: Caller = {
    call: async (
      name: string,
      request: unknown,
      { signal, onEvent }: { signal?: AbortSignal; onEvent?: unknown } = {},
    ) => {
      if (name !== 'reply') return undefined as never
      const round = rounds[asked.push(structuredClone(request) as ReplyRequest) - 1]
      if (round instanceof Error) throw round
      if (round === undefined) throw new Error('one round too many')
      if (signal?.aborted) throw new AbortError()
      const emit = onEvent as (part: ReplyPart) => void
      if (round.text) emit({ type: 'text-delta', text: round.text })
      for (const each of round.toolCalls ?? []) emit({ type: 'tool-call', ...each })
      const reply = replyOf(round)
      emit({ type: 'finish', reply })
      return reply as never
    },
  }
  return { conversation: new Conversation(engine, options), asked }
}

function replyOf({ text = '', toolCalls = [], finishReason }: Exclude<Round, Error>): Reply {
  return {
    text,
    reasoning: undefined,
    toolCalls,
    finishReason: finishReason ?? (toolCalls.length > 0 ? 'tool-calls' : 'stop'),
    usage: { inputTokens: 10, cachedTokens: 4, outputTokens: 3, reasoningTokens: 1 },
    timings: { promptMs: 6, generateMs: 2, promptTokensPerSecond: 1000, tokensPerSecond: 1000 },
    logprobs: undefined,
  }
}

const messagesOf = ({ prompt }: ReplyRequest): readonly Message[] => ('messages' in prompt ? prompt.messages : [])
const question: Message = { role: 'user', content: 'sum?' }
const result = (number: number, content: string, toolName = 'add') => ({
  role: 'tool',
  content,
  toolCallId: `call0000${number}`,
  toolName,
})

describe('Conversation with functions', () => {
  it('runs calls and gives their results back until the model answers', async () => {
    const { conversation, asked } = scripted([
      { text: 'Let me see.', toolCalls: [call(0, { a: 1, b: 2 }), call(1, { a: 3, b: 4 })] },
      { toolCalls: [call(2, { a: 3, b: 7 })] },
      { text: '10' },
    ])
    const generation = conversation.send('sum?', { tools: { add }, temperature: 0 })
    const parts: ReplyPart[] = []
    for await (const part of generation) parts.push(part)
    const reply = await generation.reply

    const first = [
      question,
      { role: 'assistant', content: 'Let me see.', toolCalls: [call(0, { a: 1, b: 2 }), call(1, { a: 3, b: 4 })] },
      result(0, '3'),
      result(1, '7'),
    ]
    const second = [...first, { role: 'assistant', content: '', toolCalls: [call(2, { a: 3, b: 7 })] }, result(2, '10')]
    expect(asked.map(messagesOf)).toEqual([[question], first, second])
    expect(conversation.messages).toEqual([...second, { role: 'assistant', content: '10' }])
    expect(new Set(asked.map((request) => request.conversation)).size).toBe(1)
    expect(asked.map(({ prompt, options }) => ({ prompt: { ...prompt, messages: [] }, options }))).toEqual(
      asked.map(() => ({
        prompt: { messages: [], tools: [{ name: 'add', description: 'Adds.', parameters: { type: 'object' } }] },
        options: { temperature: 0 },
      })),
    )

    expect(parts.map(({ type }) => type)).toEqual(
      'text-delta tool-call tool-call tool-result tool-result tool-call tool-result text-delta finish'.split(' '),
    )
    expect(parts[3]).toEqual({ type: 'tool-result', id: 'call00000', name: 'add', output: '3', failed: false })
    expect(parts.at(-1)).toEqual({ type: 'finish', reply })
    expect(reply).toMatchObject({ text: '10', toolCalls: [], finishReason: 'stop' })
    expect(reply.usage).toEqual({ inputTokens: 30, cachedTokens: 12, outputTokens: 9, reasoningTokens: 3 })
    expect(reply.timings).toEqual({ promptMs: 18, generateMs: 6, promptTokensPerSecond: 1000, tokensPerSecond: 1000 })
  })

  it('tells the model what went wrong with a call', async () => {
    const fail = { execute: () => Promise.reject(new Error('no network')) }
    const throws = {
      execute: () => {
        throw new RangeError('too far')
      },
    }
    const tools: Tools = { fail, throws, text: { execute: () => 'as it is' }, nothing: { execute: () => undefined } }
    const calls = ['fail', 'throws', 'text', 'nothing', 'toString'].map((name, i) => call(i, {}, name))
    const broken = { ...call(5, '<tool_call>{', 'text'), invalid: 'it is not a JSON object' }
    const { conversation, asked } = scripted([{ toolCalls: [...calls, broken] }, { text: 'ok' }])
    await conversation.send('go', { tools }).reply
    expect(messagesOf(asked[1]).slice(2)).toEqual([
      result(0, 'Error: no network', 'fail'),
      result(1, 'Error: too far', 'throws'),
      result(2, 'as it is', 'text'),
      result(3, 'null', 'nothing'),
      result(4, 'Error: There is no function toString; there is fail, throws, text, nothing.', 'toString'),
      result(5, 'Error: The call could not be read: it is not a JSON object.', 'text'),
    ])
  })

  it('stops after so many rounds, and leaves the last calls to the caller', async () => {
    const endless = [1, 2, 3].map((number) => ({ toolCalls: [call(number, { a: 1, b: 1 })] }))
    for (const [maxToolRounds, rounds] of [
      [2, 3],
      [0, 1],
    ] as const) {
      const { conversation, asked } = scripted(endless, { tools: { add }, maxToolRounds })
      const reply = await conversation.send('go').reply
      expect(asked).toHaveLength(rounds)
      expect(reply).toMatchObject({ finishReason: 'tool-calls', toolCalls: endless[rounds - 1].toolCalls })
    }
  })

  it('leaves calls of functions that it cannot run to the caller', async () => {
    const { conversation, asked } = scripted([{ toolCalls: [call(0, {}), call(1, {}, 'ask')] }])
    const reply = await conversation.send('go', { tools: { add, ask: { description: 'Asks the user.' } } }).reply
    expect([asked.length, reply.toolCalls.length, reply.finishReason]).toEqual([1, 2, 'tool-calls'])
  })

  it('runs nothing of a reply that was cut off', async () => {
    const { conversation } = scripted([{ toolCalls: [call(0, { a: 1, b: 1 })], finishReason: 'length' }])
    expect(await conversation.send('go', { tools: { add } }).reply).toMatchObject({ finishReason: 'length' })
  })

  it('aborts at once while a function is running, and keeps whole rounds', async () => {
    const controller = new AbortController()
    let seen: AbortSignal | undefined
    const slow = {
      execute(_: unknown, { signal }: { signal: AbortSignal }) {
        seen = signal
        queueMicrotask(() => controller.abort())
        return new Promise(() => {})
      },
    }
    const script = [{ toolCalls: [call(0, { a: 1, b: 2 })] }, { toolCalls: [call(1, {}, 'slow')] }, { text: 'late' }]
    const { conversation, asked } = scripted(script)
    const generation = conversation.send('sum?', { tools: { add, slow }, signal: controller.signal })
    await expect(generation.reply).rejects.toThrow(AbortError)
    expect(seen?.aborted).toBe(true)
    expect(asked).toHaveLength(2)
    expect(conversation.messages).toEqual([
      question,
      { role: 'assistant', content: '', toolCalls: [call(0, { a: 1, b: 2 })] },
      result(0, '3'),
    ])
    await expect(conversation.send('again', { tools: {} }).reply).resolves.toMatchObject({ text: 'late' })
  })

  it('is as it was when a round fails', async () => {
    const { conversation } = scripted([{ toolCalls: [call(0, { a: 1, b: 2 })] }, new ContextError(9, 8, 8)])
    await expect(conversation.send('go', { tools: { add } }).reply).rejects.toThrow(ContextError)
    expect(conversation.messages).toEqual([])
  })

  it('refuses what cannot be told to a model', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const refused = async (options: ConversationOptions) =>
      expect(scripted([]).conversation.send('go', options).reply).rejects.toThrow(OptionError)
    await refused({ tools: { 'two words': {} } })
    await refused({ tools: { add: { parameters: circular as never } } })
    await refused({ tools: { add }, maxToolRounds: -1 })
    await refused({ tools: { add }, maxToolRounds: 1.5 })
  })
})
