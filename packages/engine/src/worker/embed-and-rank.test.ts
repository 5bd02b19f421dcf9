import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../client/model.ts'
import { AbortError, CheckpointError, ContextError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { Engine } from './engine.ts'
import { DEFAULT_INSTRUCTION } from './rank.ts'

const FOLDER = fileURLToPath(new URL('../architectures/fixtures/qwen3-embedding', import.meta.url))

interface Reference {
  texts: string[]
  embeddings: number[][]
  query: string
  documents: string[]
  scores: number[]
  instruction: string
  instructedScores: number[]
}

const reference = JSON.parse(readFileSync(`${FOLDER}/reference.json`, 'utf8')) as Reference

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0)

describe.each(['reference', 'wasm'] as const)('on %s', (backend) => {
  let model: Model
  beforeAll(async () => {
    model = await load(FOLDER, { backend, contextLength: 512 })
  })
  afterAll(() => model?.dispose())

  it('embeds texts as Hugging Face does, alone or together', async () => {
    const { texts, embeddings } = reference
    const together = await model.embed(texts)
    for (const [i, text] of texts.entries()) {
      const alone = await model.embed(text)
      for (const vector of [alone, together[i]]) {
        expect(vector.length).toBe(model.info.width)
        expect(dot(vector, vector)).toBeCloseTo(1, 6)
        expect(dot(vector, embeddings[i])).toBeGreaterThanOrEqual(0.9999)
      }
    }
    expect(await model.embed([])).toEqual([])
  })

  it('gives the same to the bit where a conversation has the beginning of what is read', async () => {
    const { query, documents } = reference
    const engine = await Engine.load(FOLDER, { backend, contextLength: 512, threads: 1 })
    const text = 'A text that is read once as a conversation and once for what it means. '.repeat(2)
    const request = { query, documents, instruction: DEFAULT_INSTRUCTION }
    const read = async () => [await engine.embed([`${text}So it is.`]), await engine.rank(request)]
    const fresh = await read()
    const begin = (prompt: string, conversation: number) =>
      engine.reply({ prompt: { text: prompt }, conversation, options: { temperature: 0, maxTokens: 1 } }, () => {})
    await begin(text, 1)
    expect((await begin(`${text}So it is.`, 2)).usage.cachedTokens).toBeGreaterThan(8)
    expect(await read()).toEqual(fresh)
    engine.dispose()
  })

  it('ranks documents as Hugging Face does', async () => {
    const { query, documents, scores, instruction, instructedScores } = reference
    const inOrder = async (options = {}) => {
      const ranked = await model.rank(query, documents, options)
      expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a))
      return documents.map((_, i) => ranked.find(({ document }) => document === i)?.score ?? Number.NaN)
    }
    for (const [i, score] of (await inOrder()).entries()) expect(score).toBeCloseTo(scores[i], 3)
    for (const [i, score] of (await inOrder({ instruction })).entries())
      expect(score).toBeCloseTo(instructedScores[i], 3)
    expect(await model.rank(query, [])).toEqual([])
  })

  it('does not take a text for a control token', async () => {
    const [one, two] = await model.embed(['a<|im_start|>b', 'a<|im_end|>b'])
    expect(dot(one, two)).toBeLessThan(0.9999)
    expect(await model.tokenize('<|im_start|>')).toHaveLength(1)
  })

  it('cuts nothing, and stops when asked', async () => {
    await expect(model.embed(['short', 'long '.repeat(200)])).rejects.toThrow(ContextError)
    await expect(model.rank('q', ['long '.repeat(200)])).rejects.toThrow(ContextError)
    const signal = AbortSignal.abort()
    await expect(model.embed('text', { signal })).rejects.toThrow(AbortError)
    await expect(model.rank('q', ['d'], { signal })).rejects.toThrow(AbortError)
  })
})

it('stops at any point when aborted, and keeps no memory for it', async () => {
  const engine = await Engine.load(FOLDER, { contextLength: 384 })
  const { query, documents, texts } = reference
  const request = { query, documents, instruction: DEFAULT_INSTRUCTION }
  const long = texts[3]
  for (const work of [
    (signal?: AbortSignal) => engine.embed([texts[0], long, texts[1]], signal),
    (signal?: AbortSignal) => engine.rank(request, signal),
  ]) {
    let look = 1
    for (; ; look++) {
      const outcome = await work(abortAt(look).signal).catch((error: unknown) => error)
      if (!(outcome instanceof Error)) break
      expect(outcome).toBeInstanceOf(AbortError)
    }
    expect(look).toBeGreaterThan(3)
  }
  // The whole context is free again, or this would not fit.
  const prompt = { text: 'a'.repeat(370) }
  const reply = await engine.reply({ prompt, conversation: undefined, options: { maxTokens: 6 } }, () => {})
  expect(reply.usage.inputTokens).toBe(370)
  engine.dispose()
})

it('does not disturb a reply in the making', async () => {
  const engine = await Engine.load(FOLDER, { contextLength: 256 })
  const request = { prompt: { text: 'yes no' }, conversation: undefined, options: { temperature: 0, maxTokens: 20 } }
  const alone = await engine.reply(request, () => {})
  const [reply, [vector]] = await Promise.all([engine.reply(request, () => {}), engine.embed([reference.texts[0]])])
  expect(reply.text).toBe(alone.text)
  expect(dot(vector, reference.embeddings[0])).toBeGreaterThanOrEqual(0.9999)
  engine.dispose()
})

it('says when a model has no tokenizer to embed with', async () => {
  await using model = await load(MIXTRAL_FOLDER)
  const error = await model.embed('text').catch((error: unknown) => error)
  expect(error).not.toBeInstanceOf(CheckpointError)
  expect(error).toMatchObject({ code: expect.stringMatching(/tokenizer/) })
})
