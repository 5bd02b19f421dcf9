import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Int32List } from './int32-list.ts'
import { Merges, NO_MERGE } from './merges.ts'
import { WordEncoder } from './word-encoder.ts'

/** From the definition: the lowest rank anywhere, the leftmost of equals, one merge at a time. */
function defined(merges: Merges, word: Uint8Array): number[] {
  const ids = Array.from(word)
  for (;;) {
    const ranks = ids.slice(1).map((right, i) => merges.rank(ids[i] ?? -1, right))
    const best = Math.min(NO_MERGE, ...ranks)
    if (best === NO_MERGE) return ids
    ids.splice(ranks.indexOf(best), 2, merges.result(best))
  }
}

/** Merges of the tokens before each: a random one of few letters, so that merges compete. */
const MERGES = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 30 }).map((pairs) => {
  const known = [...'abc'].map((letter) => letter.charCodeAt(0))
  const rows = pairs.map(([a, b], i) => {
    const left = known[a % known.length] ?? 0
    const right = known[b % known.length] ?? 0
    known.push(256 + i)
    return [left, right, 256 + i] as const
  })
  const column = (i: 0 | 1 | 2) => Int32Array.from(rows, (row) => row[i])
  return new Merges(column(0), column(1), column(2))
})

const WORDS = fc
  .array(fc.constantFrom(0x61, 0x62, 0x63), { maxLength: 400, size: 'max' })
  .map((bytes) => Uint8Array.from(bytes))

it('encodes short and long words by the definition', () => {
  fc.assert(
    fc.property(MERGES, WORDS, (merges, word) => {
      const result = new Int32List()
      new WordEncoder(merges).encode(Int32Array.from(word), word.length, result)
      expect(Array.from(result.view())).toEqual(defined(merges, word))
    }),
    { numRuns: 300 },
  )
})
