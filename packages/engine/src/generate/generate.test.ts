import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Batch, type CompiledModel, PAGE_LENGTH } from '../backends/backend.ts'
import type { KeyValueSequence } from '../cache/kv.ts'
import { KeyValueCache } from '../cache/kv-cache.ts'
import { Generator } from './generate.ts'

const VOCABULARY = 12
const LIMITS = { maxTokens: 16, maxRows: 4 }
const PAGES = 8

/**
 * A model whose keys and values are the tokens themselves, in pages, and whose next token is a function of the last three
 * it finds there: so a step that reads what a wrong guess has left behind gives itself away.
 */
class Echo implements Pick<CompiledModel, 'step'> {
  readonly batches: Batch[] = []
  readonly #slots = new Int32Array(PAGES * PAGE_LENGTH).fill(-1)
  readonly #next: (last: readonly number[], position: number) => number

  constructor(next: (last: readonly number[], position: number) => number) {
    this.#next = next
  }

  step(batch: Batch): Promise<Float32Array> {
    this.batches.push(batch)
    const { ids, positions, sequences, pageTables, outputRows } = batch
    const slot = (token: number, position: number) =>
      pageTables[sequences[token]][Math.floor(position / PAGE_LENGTH)] * PAGE_LENGTH + (position % PAGE_LENGTH)
    ids.forEach((id, token) => {
      this.#slots[slot(token, positions[token])] = id
    })
    const logits = new Float32Array(outputRows.length * VOCABULARY)
    outputRows.forEach((token, row) => {
      const position = positions[token]
      const last = [2, 1, 0].map((back) => (position < back ? 0 : this.#slots[slot(token, position - back)]))
      logits[row * VOCABULARY + this.#next(last, position)] = 1
    })
    return Promise.resolve(logits)
  }
}

interface Outcome {
  readonly drawn: number[]
  readonly kept: readonly number[]
  readonly steps: number
  readonly mostTokens: number
}

interface Run {
  readonly next: (last: readonly number[], position: number) => number
  readonly prompt: number[]
  readonly length: number
  readonly forced?: (drawn: number) => number[]
  readonly speculates: boolean
}

/** Draws the most likely token until `length` tokens are drawn or token 0 is; some tokens are followed by forced ones. */
async function run({ next, prompt, length, forced = () => [], speculates }: Run): Promise<Outcome> {
  const model = new Echo(next)
  const cache = new KeyValueCache(PAGES, () => {})
  const generator = new Generator(model as unknown as CompiledModel, cache, LIMITS)
  const sequence = cache.create()
  const drawn: number[] = []
  await generate(generator, sequence, prompt, length, forced, drawn, speculates)
  const longest = (batch: Batch) => (batch.positions[0] < prompt.length ? 0 : batch.ids.length)
  return {
    drawn,
    kept: [...sequence.tokens],
    steps: model.batches.length,
    mostTokens: Math.max(0, ...model.batches.map(longest)),
  }
}

function generate(
  generator: Generator,
  sequence: KeyValueSequence,
  prompt: readonly number[],
  length: number,
  forced: (drawn: number) => number[],
  drawn: number[],
  speculates: boolean,
): Promise<void> {
  return generator.run({
    sequence,
    ids: Int32Array.from(prompt),
    maxLength: prompt.length + length,
    outputs: 'last',
    speculates,
    accept(logits, rows) {
      expect([rows, logits.length]).toEqual([1, VOCABULARY])
      const id = logits.indexOf(1)
      const ids = [id, ...forced(id)].slice(0, length - drawn.length)
      drawn.push(...ids)
      return id === 0 || drawn.length >= length ? undefined : ids
    },
  })
}

/** All steps take the same time, so that guesses always pay. */
const pays = () => vi.spyOn(performance, 'now').mockReturnValue(0)

describe('guesses', () => {
  afterEach(() => vi.restoreAllMocks())

  it('spare steps where a text repeats itself, and change nothing else', async () => {
    pays()
    const next = ([, , last]: readonly number[]) => (last % 7) + 1
    const task = { next, prompt: [1, 2, 3], length: 200 }
    const plain = await run({ ...task, speculates: false })
    const guessed = await run({ ...task, speculates: true })
    expect(guessed).toMatchObject({ drawn: plain.drawn, kept: plain.kept, mostTokens: 4 })
    expect(plain.steps).toBe(200)
    // Once the text has gone round, four tokens a step.
    expect(guessed.steps).toBeLessThan(10 + 200 / 4)
  })

  it('never change what is drawn nor what is kept', async () => {
    pays()
    const task = fc.record({
      seed: fc.nat(),
      variety: fc.integer({ min: 2, max: VOCABULARY }),
      surprise: fc.constantFrom(5, 11, 1000),
      prompt: fc.array(fc.integer({ min: 1, max: VOCABULARY - 1 }), { minLength: 1, maxLength: 60 }),
      length: fc.integer({ min: 1, max: 150 }),
      forces: fc.boolean(),
    })
    let spared = 0
    await fc.assert(
      fc.asyncProperty(task, async ({ seed, variety, surprise, prompt, length, forces }) => {
        const hash = (...values: number[]) => values.reduce((sum, v) => Math.imul(sum ^ v, 0x9e3779b1) >>> 7, seed)
        const next = (last: readonly number[], position: number) =>
          position % surprise === surprise - 1 ? hash(position) % VOCABULARY : 1 + (hash(...last) % (variety - 1))
        const forced = (id: number) => (forces && id === 3 ? [4, 5, 6] : [])
        const plain = await run({ next, prompt, length, forced, speculates: false })
        const guessed = await run({ next, prompt, length, forced, speculates: true })
        expect([guessed.drawn, guessed.kept]).toEqual([plain.drawn, plain.kept])
        expect(guessed.steps).toBeLessThanOrEqual(plain.steps)
        spared += plain.steps - guessed.steps
      }),
      { numRuns: 150 },
    )
    expect(spared).toBeGreaterThan(1000)
  })

  it('are not made for replies that share their steps', async () => {
    pays()
    const model = new Echo(([, , last]) => (last % 3) + 1)
    const cache = new KeyValueCache(PAGES, () => {})
    const generator = new Generator(model as unknown as CompiledModel, cache, LIMITS)
    const texts: number[][] = [[], []]
    const both = texts.map((drawn) => generate(generator, cache.create(), [1, 2], 40, () => [], drawn, true))
    await Promise.all(both)
    expect(texts[0]).toEqual(texts[1])
    // The second begins a step later than the first.
    expect(model.batches).toHaveLength(41)
    expect(Math.max(...model.batches.map(({ outputRows }) => outputRows.length))).toBe(2)
  })

  it('leave a sequence that a fork was taken of in mid-step as it would be without', async () => {
    pays()
    const model = new Echo(([, , last]) => (last % 7) + 1)
    const cache = new KeyValueCache(PAGES, () => {})
    const forks: KeyValueSequence[] = []
    const sequence = cache.create()
    const step = model.step.bind(model)
    model.step = (batch) => {
      forks.push(cache.fork(sequence))
      return step(batch)
    }
    const generator = new Generator(model as unknown as CompiledModel, cache, LIMITS)
    const drawn: number[] = []
    await generate(generator, sequence, [1, 2, 3], 50, () => [], drawn, true)
    const whole = [1, 2, 3, ...drawn]
    for (const fork of forks) expect(whole.slice(0, fork.length)).toEqual([...fork.tokens])
  })
})

it('tells a request that was ended in mid-step no more', async () => {
  const model = new Echo(() => 1)
  const cache = new KeyValueCache(PAGES, () => {})
  const generator = new Generator(model as unknown as CompiledModel, cache, LIMITS)
  const step = model.step.bind(model)
  model.step = (batch) => {
    if (model.batches.length === 3) generator.stop(new Error('over'))
    return step(batch)
  }
  const drawn: number[] = []
  await expect(generate(generator, cache.create(), [1, 2], 50, () => [], drawn, true)).rejects.toThrow('over')
  await new Promise((resume) => setImmediate(resume))
  expect(drawn).toHaveLength(3)
})
