import { describe, expect, it } from 'vitest'
import { sharedData } from '../testing/shared-data.ts'
import { CeilingGauge } from './ceilings.ts'
import { Engine } from './engine.ts'

const MODEL = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
const ids = (count: number, first = 1) => Int32Array.from({ length: count }, (_, i) => (first + 7 * i) % 300)

describe.skipIf(MODEL === '')('what is timed', () => {
  it('is what a conversation does not have yet', async () => {
    const engine = await Engine.load(MODEL, { contextLength: 100, threads: 1 })
    const time = (all: Int32Array, steps = 0) => engine.time({ conversation: 1, ids: all, steps })
    expect(await time(ids(70))).toMatchObject({ cachedTokens: 0 })
    expect(await time(ids(90))).toMatchObject({ cachedTokens: 70 })
    expect(await time(Int32Array.from([...ids(70), 299]), 30)).toMatchObject({ cachedTokens: 70 })
    expect((await time(ids(80))).milliseconds).toBeGreaterThan(0)
    engine.dispose()
  })

  it('fits the context', async () => {
    const engine = await Engine.load(MODEL, { contextLength: 100, threads: 1 })
    await expect(engine.time({ conversation: 1, ids: ids(101), steps: 0 })).rejects.toThrow('room for 100')
    await expect(engine.time({ conversation: 1, ids: ids(71), steps: 31 })).rejects.toThrow('room for 100')
    await engine.time({ conversation: 1, ids: ids(71), steps: 30 })
    engine.dispose()
  })

  it('leaves the conversation as greedy writing does', async () => {
    const engine = await Engine.load(MODEL, { contextLength: 100, threads: 1 })
    await engine.time({ conversation: 1, ids: ids(20), steps: 5 })
    const written = [...ids(20)]
    for (let step = 1; step < 5; step++) {
      let last = new Float32Array()
      await engine.forward(Int32Array.from(written), (logits) => {
        last = logits.slice(-engine.info.vocabulary)
      })
      written.push(last.indexOf(Math.max(...last)))
    }
    // What was drawn last was not computed, and is not among what was written either.
    const { cachedTokens } = await engine.time({ conversation: 1, ids: Int32Array.from([...written, 5]), steps: 0 })
    expect(cachedTokens).toBe(written.length)
    engine.dispose()
  })
})

it('ceilings are measured for what is asked', () => {
  const { ceilings, undisturbed } = new CeilingGauge().measure(['read', 'lanes'], 2)
  expect(Object.keys(ceilings)).toEqual(['read', 'lanes'])
  for (const rate of Object.values(ceilings)) expect(rate).toBeGreaterThan(0)
  expect(undisturbed).toBeGreaterThan(0)
  expect(undisturbed).toBeLessThanOrEqual(1)
})
