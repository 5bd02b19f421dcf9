import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ReplyPart } from '../chat/reply.ts'
import { sharedData } from '../testing/shared-data.ts'
import { Engine } from './engine.ts'

const model = sharedData('weights/tinyllamas/stories260K.gguf')
const expected = sharedData('weights/tinyllamas/stories260K.expected.json')

/** A trained model with a SentencePiece vocabulary: `llama`, 5 layers, f32. What it says was written by llama2.c. */
describe.skipIf(!model || !expected).each(['reference', 'wasm'] as const)('stories260K on %s', (backend) => {
  const { expected_text: text, greedy_ids_from_numpy_recheck: ids } = JSON.parse(
    expected ? readFileSync(expected, 'utf8') : '{}',
  )
  const request = (prompt: string, maxTokens: number) => ({
    prompt: { text: prompt },
    conversation: undefined,
    options: { temperature: 0, maxTokens },
  })

  it('tells the story that llama2.c tells, from nothing and from any beginning of it', async () => {
    const engine = await Engine.load(model ?? '', { backend })
    const parts: ReplyPart[] = []
    // The ids begin with bos and lack the last token of the text.
    const reply = await engine.reply(request('', ids.length), (part) => parts.push(part))
    expect(reply.text).toBe(text)
    expect(parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')).toBe(text)
    expect(Array.from(engine.tokenizer.encode(text, { beginning: true }).slice(0, -1))).toEqual(ids)

    const goesOn = await engine.reply(request('Once upon a time', 12), () => {})
    expect(text.slice('Once upon a time'.length).startsWith(goesOn.text)).toBe(true)
    const withinSentence = await engine.reply(request('Once upon a time, there was a', 12), () => {})
    expect(withinSentence.text).toMatch(/^ little girl/)
    engine.dispose()
  })
})
