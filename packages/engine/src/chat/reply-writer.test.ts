import { describe, expect, it } from 'vitest'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { Reply, ReplyPart } from './reply.ts'
import { type ReplySetting, ReplyWriter } from './reply-writer.ts'
import { TOOL_FORMS } from './tool-forms.ts'

const [END, PYTHON_TAG, VOCABULARY] = [256, 257, 258]
const CALL = '{"name": "weather", "parameters": {"city": "Oslo"}}'
const TOOL_CALL = { type: 'tool-call', id: 'call00002', name: 'weather', input: { city: 'Oslo' } }

/** A token a byte, and two control tokens. */
const tokenizer: Tokenizer = {
  size: VOCABULARY,
  beginning: undefined,
  ends: new Set([END]),
  specialTokens: new Map(),
  stripsSpace: false,
  encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => Array.from(ids, (id) => new TextDecoder().decode(tokenizer.bytes(id))).join(''),
  bytes: (id) =>
    new TextEncoder().encode(id === PYTHON_TAG ? '<|python_tag|>' : id === END ? '<end>' : String.fromCharCode(id)),
  idOf: () => undefined,
  isSpecial: (id) => id >= END,
}

/** The parts and the reply when the model writes these tokens, one after the other. */
function written(ids: Iterable<number>, setting: Partial<ReplySetting> = {}): { parts: ReplyPart[]; reply: Reply } {
  const parts: ReplyPart[] = []
  const form = TOOL_FORMS.find(({ name }) => name === 'llama')
  if (!form) throw new Error('no form')
  const writer = new ReplyWriter({
    tokenizer,
    vocabulary: VOCABULARY,
    architecture: 'test',
    name: 'test',
    sampling: {},
    thinkingStyle: undefined,
    insideThought: false,
    continuesText: false,
    tools: { form, callsBefore: 2 },
    options: { temperature: 0, ...setting.options },
    prompt: Int32Array.of(1),
    room: 1000,
    emit: (part) => parts.push(part),
    ...setting,
  })
  writer.start(0)
  for (const id of ids) {
    const logits = new Float32Array(VOCABULARY)
    logits[id] = 100
    if (writer.accept(logits) === undefined) break
  }
  return { parts, reply: writer.finish() }
}

const spelled = (text: string) => new TextEncoder().encode(text)

describe('ReplyWriter', () => {
  it('tells calls apart from text, also behind a tag that is a control token', () => {
    const { parts, reply } = written([...spelled('Wait. '), PYTHON_TAG, ...spelled(CALL), END])
    expect(parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')).toBe('Wait.')
    expect(parts.at(-2)).toEqual(TOOL_CALL)
    expect(reply).toMatchObject({ text: 'Wait.', finishReason: 'tool-calls' })
    expect(reply.toolCalls).toEqual([{ id: 'call00002', name: 'weather', input: { city: 'Oslo' } }])
  })

  it('leaves text alone where no functions were offered', () => {
    const { reply } = written([...spelled(CALL), END], { tools: undefined })
    expect(reply).toMatchObject({ text: CALL, toolCalls: [], finishReason: 'stop' })
  })

  it('knows a call that was cut off, and does not wait for its result', () => {
    const { reply } = written(spelled(CALL), { options: { temperature: 0, maxTokens: 30 } })
    expect(reply).toMatchObject({ text: '', finishReason: 'length' })
    expect(reply.toolCalls).toEqual([
      { id: 'call00002', name: 'weather', input: CALL.slice(0, 30), invalid: expect.any(String) },
    ])
  })

  it('tells nothing behind a stop string', () => {
    const ids = [...spelled('stop here'), PYTHON_TAG, ...spelled(CALL), END]
    const { parts, reply } = written(ids, { options: { temperature: 0, stop: ['here'] } })
    expect(reply).toMatchObject({ text: 'stop ', toolCalls: [], finishReason: 'stop' })
    expect(parts.some(({ type }) => type === 'tool-call')).toBe(false)
  })

  it('looks for calls behind the thought, not in it', () => {
    const thinkingStyle = { tags: { open: '<think>', close: '</think>' }, afterClose: '\n\n', switchable: true }
    const { reply } = written([...spelled(`<think>${CALL}</think>\n\n${CALL}`), END], { thinkingStyle })
    expect(reply).toMatchObject({ reasoning: CALL, text: '', finishReason: 'tool-calls' })
    expect(reply.toolCalls).toHaveLength(1)
  })
})
