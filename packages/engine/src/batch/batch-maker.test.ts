import { describe, expect, it } from 'vitest'
import { KeyValueCache } from '../cache/kv-cache.ts'
import { makeBatch, type Work } from './batch-maker.ts'

const limits = { maxTokens: 8, maxRows: 3 }

function work(cache: KeyValueCache, past: number[], pending: number[], outputs: 'all' | 'last' = 'last'): Work {
  const sequence = cache.create()
  cache.acquire(sequence, 0, past.length + pending.length)
  sequence.append(past)
  return { sequence, pending, outputs }
}

describe('makeBatch', () => {
  const cache = () => new KeyValueCache(16, () => {})

  it('puts the tokens of several sequences at their own positions', () => {
    const c = cache()
    const { batch, shares } = makeBatch([work(c, [7, 7], [1, 2, 3]), work(c, [9], [4])], limits)
    // The single token goes first.
    expect([...batch.ids]).toEqual([4, 1, 2, 3])
    expect([...batch.positions]).toEqual([1, 2, 3, 4])
    expect([...batch.sequences]).toEqual([0, 1, 1, 1])
    expect([...batch.outputRows]).toEqual([0, 3])
    expect(shares.map(({ firstRow, rows }) => [firstRow, rows])).toEqual([
      [0, 1],
      [1, 1],
    ])
  })

  it('cuts a long prompt, and wants logits only at its end', () => {
    const c = cache()
    const prompt = work(
      c,
      [],
      Array.from({ length: 12 }, (_, i) => i),
    )
    const first = makeBatch([prompt], limits)
    expect(first.batch.ids).toHaveLength(8)
    expect(first.batch.outputRows).toHaveLength(0)
    const second = makeBatch([prompt], limits)
    expect([...second.batch.ids]).toEqual([8, 9, 10, 11])
    expect([...second.batch.positions]).toEqual([8, 9, 10, 11])
    expect([...second.batch.outputRows]).toEqual([3])
  })

  it('bounds the rows with logits', () => {
    const c = cache()
    const all = work(c, [], [1, 2, 3, 4, 5], 'all')
    expect(makeBatch([all], limits).batch.outputRows).toHaveLength(3)
    expect(all.pending).toHaveLength(2)
    const singles = [1, 2, 3, 4].map((id) => work(c, [], [id]))
    const { batch } = makeBatch(singles, limits)
    expect([...batch.ids]).toEqual([1, 2, 3])
    expect(singles[3].pending).toHaveLength(1)
  })

  it('adds guesses behind the last token, with logits, as far as there is room, and keeps none', () => {
    const c = cache()
    const guessing = { ...work(c, [7, 7], [1]), guesses: [2, 3, 4] }
    const { batch, shares } = makeBatch([guessing], limits)
    expect([...batch.ids]).toEqual([1, 2, 3])
    expect([...batch.positions]).toEqual([2, 3, 4])
    expect([...batch.outputRows]).toEqual([0, 1, 2])
    expect(shares).toMatchObject([{ firstRow: 0, rows: 3, guesses: [2, 3] }])
    expect(guessing.sequence.tokens).toEqual([7, 7, 1])

    const prompt = { ...work(c, [], [1, 2, 3, 4, 5, 6, 7]), guesses: [8, 9] }
    const whole = makeBatch([prompt], limits).batch
    expect([...whole.ids]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([...whole.outputRows]).toEqual([6, 7])
    const long = { ...work(c, [], new Array(9).fill(1)), guesses: [8, 9] }
    expect([...makeBatch([long], limits).batch.ids]).toEqual(new Array(8).fill(1))
  })

  it('does not let a long prompt crowd out the others', () => {
    const c = cache()
    const long = work(c, [], new Array(100).fill(1))
    const { batch } = makeBatch([long, work(c, [], [5]), work(c, [], [6])], limits)
    expect([...batch.ids].slice(0, 2)).toEqual([5, 6])
    expect(batch.ids).toHaveLength(8)
  })
})
