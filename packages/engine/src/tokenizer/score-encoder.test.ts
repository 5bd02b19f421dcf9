import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEscapedSpaces } from './escaped-spaces.ts'
import { Int32List } from './int32-list.ts'
import { NO_MERGE } from './merges.ts'
import { ranksOfScores, ScoreEncoder } from './score-encoder.ts'
import { type Vocabulary, VocabularyBuilder } from './vocabulary.ts'

const UNKNOWN = -1

function vocabularyOf(tokens: readonly string[]): Vocabulary {
  const builder = new VocabularyBuilder('test', 64, decodeEscapedSpaces)
  tokens.forEach((token, id) => {
    builder.addText(id, new TextEncoder().encode(token), true)
  })
  return builder.build()
}

function encode(tokens: readonly string[], ranks: Int32Array, text: string): number[] {
  const result = new Int32List()
  const word = new TextEncoder().encode(text)
  new ScoreEncoder(vocabularyOf(tokens), ranks).encode(word, word.length, result, () => result.push(UNKNOWN))
  return Array.from(result.view())
}

/** From the definition: join the neighbours that make the token of the lowest rank, the leftmost of equals. */
function defined(tokens: readonly string[], ranks: Int32Array, text: string): number[] {
  const pieces = Array.from(text)
  const rankOf = (piece: string) => (tokens.includes(piece) ? (ranks[tokens.lastIndexOf(piece)] ?? 0) : NO_MERGE)
  for (;;) {
    const offers = pieces.slice(1).map((right, i) => rankOf((pieces[i] ?? '') + right))
    const best = Math.min(NO_MERGE, ...offers)
    if (best === NO_MERGE) return pieces.map((piece) => tokens.lastIndexOf(piece))
    const at = offers.indexOf(best)
    pieces.splice(at, 2, (pieces[at] ?? '') + (pieces[at + 1] ?? ''))
  }
}

describe('ScoreEncoder', () => {
  it('encodes by the definition, unknown characters and equal scores included', () => {
    const letters = fc.constantFrom('a', 'b', 'é', '😀')
    const token = fc.string({ unit: letters, minLength: 1, maxLength: 4 })
    const vocabulary = fc.uniqueArray(fc.tuple(token, fc.nat(5)), { selector: ([text]) => text, minLength: 1 })
    fc.assert(
      fc.property(vocabulary, fc.string({ unit: letters, maxLength: 200, size: 'max' }), (entries, text) => {
        const tokens = entries.map(([text]) => text)
        const ranks = Int32Array.from(entries, ([, rank]) => rank)
        expect(encode(tokens, ranks, text)).toEqual(defined(tokens, ranks, text))
      }),
      { numRuns: 500 },
    )
  })

  it('is not quadratic, and can be used again', () => {
    const tokens = ['a', 'aa', 'aaaa', 'b', 'ab']
    const encoder = new ScoreEncoder(vocabularyOf(tokens), Int32Array.of(4, 3, 2, 1, 0))
    const word = new TextEncoder().encode('a'.repeat(1 << 18))
    for (let i = 0; i < 2; i++) {
      const result = new Int32List()
      encoder.encode(word, word.length, result, () => result.push(UNKNOWN))
      expect(result.length).toBe(1 << 16)
    }
  })
})

describe('ranksOfScores', () => {
  it('puts the highest score first, and equal scores together', () => {
    expect(ranksOfScores(Float32Array.of(-1, 5, -1, -1e9, 0, -0))).toEqual(Int32Array.of(2, 0, 2, 3, 1, 1))
    expect(ranksOfScores(Float32Array.of(0, Number.NaN))).toBeUndefined()
    expect(ranksOfScores(Float32Array.of(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))).toEqual(
      Int32Array.of(1, 0),
    )
  })
})
