import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AbortError, LajuError } from '../errors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import type { Conversation } from './conversation.ts'
import { load, type Model } from './model.ts'

const nano = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const nanoFolder = fileURLToPath(new URL('../../../nano/fixtures/hf', import.meta.url))
const greedy = { temperature: 0, maxTokens: 24, logprobs: 3 } as const
const system = 'You work out sums, one after the other, and check each of them before you answer.'
/** Room for all the conversations here. */
const CONTEXT = 1024
const START = 24

/** The next answer, to the bit, and how much of the prompt was there. */
async function next(conversation: Conversation, question = 'And what is 5 more than that?') {
  const { text, logprobs, usage } = await conversation.send(question).reply
  return { text, logprobs, usage }
}

describe.each([
  ['wasm', 'i16', 2],
  ['wasm', 'q8_0', 1],
  ['wasm', 'f16', 2],
  ['wasm', 'f32', 1],
  ['reference', 'f16', 1],
] as const)('a conversation on %s with a cache of %s', (backend, cacheType, threads) => {
  const options = { backend, cacheType, threads, contextLength: 512 }

  it('goes on from a file in another process as if it had never stopped', async () => {
    const path = join(temporaryFolder(), 'sums.laju')
    const first = await load(nano, options)
    const conversation = first.conversation({ system, ...greedy })
    await conversation.send('What is 347 + 285?').reply
    await conversation.send('What is 12 * 3?').reply
    await conversation.save(path)
    const expected = await next(conversation)
    await first.dispose()

    await using second = await load(nano, options)
    const restored = await second.restore(path)
    expect(restored.messages).toHaveLength(5)
    expect(restored.messages).toEqual(conversation.messages.slice(0, 5))
    const got = await next(restored)
    expect(got).toEqual(expected)
    expect(got.usage.cachedTokens).toBeGreaterThan(64)
    await restored.reset()
    expect(restored.messages).toEqual([{ role: 'system', content: system }])
  })
})

describe('a saved conversation', () => {
  let model: Model
  let conversation: Conversation
  beforeAll(async () => {
    model = await load(nano, { contextLength: CONTEXT, threads: 1 })
  })
  beforeEach(async () => {
    conversation = model.conversation({ system, ...greedy, stop: ['never'], maxToolRounds: 2 })
    await conversation.send('What is 347 + 285?').reply
    await conversation.send('What is 12 * 3?').reply
  })
  afterAll(() => model?.dispose())

  const saved = async (): Promise<string> => {
    const path = join(temporaryFolder(), 'sums.laju')
    await conversation.save(path)
    expect(readFileSync(path).readUInt32LE(16)).toBeGreaterThan(90)
    return path
  }

  it('has the same bytes each time, and none of what other conversations have left in its pages', async () => {
    const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
    const before = hash(await saved())
    await using other = await load(nano, { contextLength: CONTEXT, threads: 2 })
    // All pages are written by another, and then given back.
    await other.complete('Something else altogether, and at length. '.repeat(20), { temperature: 0 }).reply
    await (await other.restore(await saved())).save(join(temporaryFolder(), 'unused'))
    const same = other.conversation({ system, ...greedy, stop: ['never'], maxToolRounds: 2 })
    await same.send('What is 347 + 285?').reply
    await same.send('What is 12 * 3?').reply
    const path = join(temporaryFolder(), 'same')
    await same.save(path)
    expect(hash(path)).toBe(before)
  })

  it('replaces a file that is there, and leaves nothing else beside it', async () => {
    const path = await saved()
    writeFileSync(path, 'old')
    await conversation.save(path)
    expect(statSync(path).size).toBeGreaterThan(1000)
    expect(readdirSync(join(path, '..'))).toEqual(['sums.laju'])
    await expect(conversation.save(join(path, 'not-a-folder'))).rejects.toMatchObject({ code: 'write-failed' })
    const aborted = conversation.save(path, { signal: AbortSignal.timeout(0) })
    await aborted.catch((error: unknown) => expect(error).toBeInstanceOf(AbortError))
    expect(readdirSync(join(path, '..'))).toEqual(['sums.laju'])
  })

  it('is not saved in the middle of an answer', async () => {
    const fork = await conversation.fork()
    const path = join(temporaryFolder(), 'busy')
    const answering = fork.send('What is 1 + 1?').reply
    await expect(fork.save(path)).rejects.toMatchObject({ code: 'busy' })
    expect(() => fork.undo()).toThrow(expect.objectContaining({ code: 'busy' }))
    await answering
    expect(existsSync(path)).toBe(false)
    // At once after an abort.
    const controller = new AbortController()
    const aborted = fork.send('What is 2 + 2?', { signal: controller.signal }).reply
    controller.abort()
    await expect(aborted).rejects.toThrow(AbortError)
    await fork.save(path)
    const restored = await model.restore(path)
    const expected = await next(fork)
    expect(await next(restored)).toMatchObject({ text: expected.text, logprobs: expected.logprobs })
  })

  it('whose memory went to others is saved as what was said', async () => {
    const path = join(temporaryFolder(), 'evicted')
    await using small = await load(nano, { contextLength: 128, threads: 1 })
    const evicted = small.conversation(greedy)
    await evicted.send('What is 3 + 4?').reply
    await small.complete('Much more than that. '.repeat(8), { temperature: 0 }).reply
    await evicted.save(path)
    const restored = await small.restore(path)
    expect(restored.messages).toEqual(evicted.messages)
    expect((await next(restored)).usage.cachedTokens).toBe(0)
    // No keys and values: any model may have it.
    await using other = await load(nanoFolder, { contextLength: 128, threads: 1 })
    expect((await other.restore(path)).messages).toEqual(evicted.messages)
  })

  it('of another model, cache type or length is told from its own, and its messages can be had', async () => {
    const path = await saved()
    const others = [
      [nanoFolder, {}, 'model'],
      [nano, { cacheType: 'f32' }, 'cacheType'],
      [nano, { backend: 'reference' }, 'cacheType'],
      [nano, { contextLength: 64 }, 'contextLength'],
    ] as const
    for (const [name, options, field] of others) {
      await using other = await load(name, { contextLength: 512, threads: 1, ...options })
      await expect(other.restore(path)).rejects.toMatchObject({ code: 'conversation-mismatch', file: path, field })
      const restored = await other.restore(path, { messagesOnly: true, maxTokens: 2 })
      expect(restored.messages).toEqual(conversation.messages)
      if (field !== 'contextLength') expect((await restored.send('So?').reply).usage).toMatchObject({ cachedTokens: 0 })
    }
  })

  it('is there again from the middle, when the last question is taken back', async () => {
    const restored = await model.restore(await saved())
    expect(restored.undo()).toBe('What is 12 * 3?')
    expect(restored.messages).toHaveLength(3)
    const { usage } = await restored.send('What is 12 * 4?').reply
    expect(usage.cachedTokens).toBeGreaterThan(usage.inputTokens / 2)
    expect(restored.undo()).toBe('What is 12 * 4?')
    expect(restored.undo()).toBe('What is 347 + 285?')
    expect(restored.undo()).toBeUndefined()
    expect(restored.messages).toEqual([{ role: 'system', content: system }])
  })

  /** The outcome of restoring what somebody has made of a file: it is a conversation, or a typed error. */
  const restoring = async (bytes: Uint8Array): Promise<string> => {
    const path = join(temporaryFolder(), 'changed')
    writeFileSync(path, bytes)
    try {
      await (await model.restore(path)).dispose()
      return 'restored'
    } catch (error) {
      if (!(error instanceof LajuError)) throw error
      expect(error.message).toMatch(/^[^\n\0]{10,600}$/)
      return error.code
    }
  }

  it('that was cut off or damaged anywhere is a typed error', async () => {
    const path = await saved()
    const bytes = readFileSync(path)
    const copy = `${path}-copy`
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 3)) {
      copyFileSync(path, copy)
      truncateSync(copy, length)
      const code = length < 8 ? 'invalid-conversation' : 'truncated'
      await expect(model.restore(copy)).rejects.toMatchObject({ code, file: copy })
    }
    expect(await restoring(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('invalid-conversation')
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at] ^= change
        expect(await restoring(changed)).toMatch(/^(invalid-conversation|truncated)$/)
      }),
      { numRuns: 60 },
    )
    await expect(model.restore(`${path}-missing`)).rejects.toMatchObject({ code: 'not-found' })
    await expect(model.restore(join(path, '..'))).rejects.toMatchObject({ code: 'not-a-file' })
    expect(await restoring(readFileSync(nano))).toBe('invalid-conversation')
    // The model is as it was.
    const [again, expected] = [await model.restore(path), await conversation.fork()]
    expect((await next(again)).text).toBe((await next(expected)).text)
  })

  it('that was written by somebody else is checked', async () => {
    const bytes = readFileSync(await saved())
    const [headerBytes, count] = [bytes.readUInt32LE(12), bytes.readUInt32LE(16)]
    const header = JSON.parse(bytes.toString('utf8', START + 4 * count, START + 4 * count + headerBytes))
    const pages = bytes.subarray(START + 4 * count + headerBytes)
    /** A file whose checks hold. */
    const made = (change: object, tokens = bytes.subarray(START, START + 4 * count), rest: Uint8Array = pages) => {
      const text = Buffer.from(JSON.stringify({ ...header, ...change }))
      const body = Buffer.concat([tokens, text])
      const start = Buffer.from(bytes.subarray(0, START))
      start.writeUInt32LE(text.length, 12)
      start.writeUInt32LE(tokens.length / 4, 16)
      start.writeUInt32LE(crc32(body), 20)
      return Buffer.concat([start, body, rest])
    }
    expect(await restoring(made({}))).toBe('restored')
    const { record, origin } = header
    const wrong = [
      { record: [] },
      { record: { ...record, messages: 'hello' } },
      { record: { ...record, messages: [{ role: 'user' }] } },
      { record: { ...record, messages: [{ role: 'boss', content: '' }] } },
      { record: { ...record, messages: [{ role: 'user', content: '', toolCalls: [{ id: 1 }] }] } },
      { record: { ...record, messages: [{ role: 'user', content: '', toolCalls: 'x' }] } },
      { record: { ...record, opening: 99 } },
      { record: { ...record, options: { stop: 5 } } },
      { record: { ...record, options: { maxTokens: 'many' } } },
      { record: { ...record, options: { tools: {} } } },
      { origin: undefined },
      { origin: { ...origin, adapters: [1] } },
      { origin: { ...origin, pageBytes: -1 } },
    ]
    for (const change of wrong)
      expect([change, await restoring(made(change))]).toEqual([change, 'invalid-conversation'])
    expect(await restoring(made({ origin: { ...origin, pageBytes: 2 ** 50 } }))).toBe('truncated')
    expect(
      await restoring(made({ origin: { ...origin, adapters: [{ name: 'a', fingerprint: 'f', scale: 1 }] } })),
    ).toBe('conversation-mismatch')
    const strangeToken = Buffer.from(bytes.subarray(START, START + 4 * count))
    strangeToken.writeInt32LE(-1)
    expect(await restoring(made({}, strangeToken))).toBe('conversation-mismatch')
    const claim = Buffer.from(bytes)
    claim.writeUInt32LE(2 ** 32 - 1, 16)
    expect(await restoring(claim)).toBe('truncated')
    claim.writeUInt32LE(2 ** 32 - 1, 12)
    expect(await restoring(claim)).toBe('invalid-conversation')

    // Keys and values that are no numbers spoil the answers of that conversation, and nothing else.
    const noNumbers = Buffer.from(pages)
    const { pageBytes } = origin
    for (let at = 0; at < noNumbers.length; at += pageBytes + 4) {
      noNumbers.fill(0xff, at, at + pageBytes)
      noNumbers.writeUInt32LE(crc32(noNumbers.subarray(at, at + pageBytes)), at + pageBytes)
    }
    const path = join(temporaryFolder(), 'no-numbers')
    writeFileSync(path, made({}, undefined, noNumbers))
    const spoilt = await model.restore(path)
    await spoilt.send('Well?').reply.catch((error: unknown) => expect(error).toBeInstanceOf(LajuError))
    await spoilt.dispose()
    expect(typeof (await model.ask('What is 2 + 2?', greedy)).text).toBe('string')
  })
})
