import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { load, type Model } from '../index.ts'
import { type LanguageModelCreateOptions, type LanguageModelSession, languageModel } from './language-model.ts'
import { type LanguageModelPrompt, toolsOf } from './prompt.ts'

const NANO = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const SUM = 'What is 347 + 285?'

const REFUSED: readonly (readonly [unknown, string])[] = [
  [[{ role: 'user', content: [{ type: 'image', value: 'x' }] }], 'NotSupportedError'],
  [[{ role: 'assistant', content: 'It is', prefix: true }], 'NotSupportedError'],
  [[{ role: 'user', content: 'It is', prefix: true }], 'SyntaxError'],
  [[{ role: 'user', content: [{ type: 'text', value: 5 }] }], 'TypeError'],
  [[{ role: 'robot', content: 'x' }], 'TypeError'],
  [
    [
      { role: 'user', content: 'x' },
      { role: 'system', content: 'y' },
    ],
    'TypeError',
  ],
  [7, 'TypeError'],
]

const LanguageModel = languageModel(NANO, { contextLength: 256, threads: 1, reply: { temperature: 0 } })
const sessions: LanguageModelSession[] = []

async function create(options?: LanguageModelCreateOptions): Promise<LanguageModelSession> {
  const session = await LanguageModel.create(options)
  sessions.push(session)
  return session
}

let model: Model
let answer: string

beforeAll(async () => {
  // The oracle: the same model, asked as ever.
  model = await load(NANO, { contextLength: 256, threads: 1 })
  answer = (await model.ask(SUM, { temperature: 0 })).text
})
afterAll(async () => {
  for (const session of sessions) session.destroy()
  await model.dispose()
})

describe('a session', () => {
  it('answers as the model does, at once or in pieces', async () => {
    const session = await create()
    expect(session.contextWindow).toBe(256)
    expect(session.contextUsage).toBe(0)
    expect(await session.prompt(SUM)).toBe(answer)
    expect(session.contextUsage).toBeGreaterThan(answer.length)
    const other = await create()
    const pieces: string[] = []
    for await (const piece of other.promptStreaming([{ role: 'user', content: [{ type: 'text', value: SUM }] }])) {
      pieces.push(piece)
    }
    expect(pieces.join('')).toBe(answer)
    expect(other.contextUsage).toBe(session.contextUsage)
  })

  it('goes on from what was said, also from what was said for it', async () => {
    const conversation = model.conversation({ temperature: 0 })
    await conversation.send(SUM).reply
    const second = await conversation.send('And 12 x 7?').reply
    const session = await create()
    await session.prompt(SUM)
    expect(await session.prompt('And 12 x 7?')).toBe(second.text)
    const told = await create({ initialPrompts: [{ role: 'user', content: SUM }] })
    await told.append([{ role: 'assistant', content: answer }])
    expect(await told.prompt('And 12 x 7?')).toBe(second.text)
  })

  it('measures prompts before they are said', async () => {
    const session = await create()
    const first = await session.measureContextUsage(SUM)
    expect(first).toBe(await model.countTokens(SUM))
    await session.append(SUM)
    expect(session.contextUsage).toBe(first)
    expect(await session.measureContextUsage([{ role: 'assistant', content: answer }])).toBeGreaterThan(0)
  })

  it('answers prompts in their order, and parts from its clones', async () => {
    const session = await create()
    const [one, clone, two] = await Promise.all([session.prompt(SUM), session.clone(), session.prompt('And 12 x 7?')])
    sessions.push(clone)
    expect(one).toBe(answer)
    expect(clone.contextUsage).toBeLessThan(session.contextUsage)
    expect(await clone.prompt('And 12 x 7?')).toBe(two)
    expect(clone.contextUsage).toBe(session.contextUsage)
  })

  it('keeps nothing of a prompt that was aborted', async () => {
    const session = await create()
    await session.prompt(SUM)
    const before = session.contextUsage
    const second = await session.clone().then((clone) => clone.prompt('And 12 x 7?').finally(() => clone.destroy()))
    const controller = new AbortController()
    const queued = new AbortController()
    const aborted = session.prompt('What is 5 + 5?', { signal: controller.signal })
    const waiting = session.prompt('What is 6 + 6?', { signal: queued.signal })
    queued.abort('not now')
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    await expect(waiting).rejects.toBe('not now')
    expect(session.contextUsage).toBe(before)
    expect(await session.prompt('And 12 x 7?')).toBe(second)
    const reader = session.promptStreaming('What is 5 + 5?').getReader()
    await reader.read()
    await reader.cancel()
    await session.prompt('And 12 x 7?')
  })

  it('forgets the oldest turns, and never the first prompts, when the context is full', async () => {
    const session = await create({
      initialPrompts: [
        { role: 'user', content: SUM },
        { role: 'assistant', content: answer },
      ],
    })
    const overflow = vi.fn()
    session.oncontextoverflow = overflow
    for (let i = 0; i < 12 && overflow.mock.calls.length === 0; i++) await session.prompt(`What is ${i} + 285?`)
    expect(overflow).toHaveBeenCalled()
    expect(session.contextUsage).toBeLessThanOrEqual(256)
    const long = '1 + 2? '.repeat(200)
    const usage = session.contextUsage
    const failure = await session.prompt(long).catch((error) => error)
    expect(failure).toMatchObject({ name: 'QuotaExceededError', quota: 256 })
    expect(failure.requested).toBeGreaterThan(256)
    expect(session.contextUsage).toBe(usage)
    await expect(create({ initialPrompts: [{ role: 'user', content: long }] })).rejects.toMatchObject({
      name: 'QuotaExceededError',
    })
  })

  it.each(REFUSED)('refuses %j', async (input, name) => {
    const session = await create()
    await expect(session.prompt(input as LanguageModelPrompt)).rejects.toMatchObject({ name })
    await expect(
      session
        .promptStreaming(input as string)
        .getReader()
        .read(),
    ).rejects.toMatchObject({ name })
    expect(session.contextUsage).toBe(0)
  })

  it('refuses what it cannot hold answers to', async () => {
    const session = await create()
    await expect(session.prompt(SUM, { responseConstraint: /\d+/ })).rejects.toMatchObject({
      name: 'NotSupportedError',
    })
  })

  it('ends what is under way when it is destroyed, and then refuses', async () => {
    const controller = new AbortController()
    const session = await create({ signal: controller.signal })
    const reply = session.prompt(SUM)
    controller.abort('bye')
    await expect(reply).rejects.toBe('bye')
    await expect(session.prompt(SUM)).rejects.toBe('bye')
    const other = await create()
    other.destroy()
    other.destroy()
    await expect(other.clone()).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('the model of the sessions', () => {
  it('is loaded for the first and unloaded after the last', async () => {
    const own = languageModel(NANO, { threads: 1 })
    expect(await own.availability()).toBe('downloadable')
    const parts: number[] = []
    const monitor = (target: EventTarget) =>
      target.addEventListener('downloadprogress', (event) => parts.push((event as ProgressEvent).loaded))
    const creating = own.create({ monitor })
    expect(await own.availability()).toBe('downloading')
    const session = await creating
    expect(await own.availability()).toBe('available')
    expect(parts.length).toBeGreaterThan(0)
    expect(parts).toEqual([...parts].sort((a, b) => a - b))
    expect(parts.at(-1)).toBe(1)
    const clone = await session.clone()
    session.destroy()
    expect(await clone.prompt(SUM)).not.toBe('')
    clone.destroy()
    await vi.waitFor(async () => expect(await own.availability()).toBe('downloadable'))
    const again = await own.create()
    expect(await again.prompt(SUM)).not.toBe('')
    again.destroy()
  })

  it('is given up when the session is aborted on the way', async () => {
    const own = languageModel(NANO, { threads: 1 })
    const controller = new AbortController()
    const creating = own.create({ signal: controller.signal })
    controller.abort('changed my mind')
    await expect(creating).rejects.toBe('changed my mind')
    expect(await own.availability()).toBe('downloadable')
  })

  it('is available for text only', async () => {
    expect(await LanguageModel.availability({ expectedInputs: [{ type: 'image' }] })).toBe('unavailable')
    expect(await LanguageModel.availability({ expectedOutputs: [{ type: 'text', languages: ['id'] }] })).toBe(
      'available',
    )
    await expect(create({ expectedInputs: [{ type: 'audio' }] })).rejects.toMatchObject({ name: 'NotSupportedError' })
    await expect(create({ topK: 0 })).rejects.toThrow(RangeError)
    await expect(create({ samplingMode: 'wild' as 'creative' })).rejects.toThrow(TypeError)
  })

  it('fails as browsers do, with the reason', async () => {
    const failure = await languageModel('/no/such/model.gguf')
      .create()
      .catch((error) => error)
    expect(failure).toMatchObject({ name: 'OperationError', cause: { code: 'not-found' } })
  })
})

describe('toolsOf', () => {
  it('hands the arguments that the model wrote to the function', async () => {
    const execute = vi.fn(async ({ location }: Record<string, unknown>) => `rain in ${location}`)
    const inputSchema = { type: 'object', properties: { location: { type: 'string' } } }
    const { weather } = toolsOf([{ name: 'weather', description: 'The weather.', inputSchema, execute }])
    expect(weather).toMatchObject({ description: 'The weather.', parameters: inputSchema })
    expect(await weather.execute?.({ location: 'Bandung' }, { signal: new AbortController().signal })).toBe(
      'rain in Bandung',
    )
    const broken = { name: 'x', description: '', inputSchema, execute: undefined as never }
    expect(() => toolsOf([broken])).toThrow(TypeError)
  })
})
