import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../errors.ts'
import { StopStrings } from './stop-strings.ts'

/** Decodes token bytes as a stream does: a character appears with the token that completes it. */
function pieces(tokens: Uint8Array[]): string[] {
  const decoder = new TextDecoder()
  return tokens.map((bytes) => decoder.decode(bytes, { stream: true }))
}

function run(stops: readonly string[], text: readonly string[]): { emitted: string[]; found: string | undefined } {
  const watch = new StopStrings(stops)
  const emitted = text.map((piece) => watch.push(piece))
  emitted.push(watch.flush())
  return { emitted, found: watch.found }
}

/** The definition: the stop string that ends first, of those the longest, in the whole text. */
function naive(stops: readonly string[], text: string): { shown: string; found: string | undefined } {
  let end = Number.POSITIVE_INFINITY
  let found: string | undefined
  for (const stop of stops) {
    const start = text.indexOf(stop)
    if (start < 0) continue
    const stopEnd = start + stop.length
    if (stopEnd < end || (stopEnd === end && stop.length > (found ?? '').length)) {
      end = stopEnd
      found = stop
    }
  }
  return { shown: found === undefined ? text : text.slice(0, end - found.length), found }
}

describe('StopStrings', () => {
  it('finds a stop string across pieces and shows only what came before', () => {
    const { emitted, found } = run(['END'], ['one E', 'N', 'Dtwo', 'three'])
    expect(emitted).toEqual(['one ', '', '', '', ''])
    expect(found).toBe('END')
  })

  it('gives back at once what turned out not to be one', () => {
    const { emitted, found } = run(['END'], ['a E', 'N', 'E', 'x', ' E'])
    expect(emitted).toEqual(['a ', '', 'EN', 'Ex', ' ', 'E'])
    expect(found).toBeUndefined()
  })

  it('takes the stop string that ends first, and the longer of two that end together', () => {
    expect(run(['abcd', 'bc'], ['xabcd'])).toEqual({ emitted: ['xa', ''], found: 'bc' })
    expect(run(['b', 'ab'], ['xab'])).toEqual({ emitted: ['x', ''], found: 'ab' })
    expect(run(['aab'], ['aaab'])).toEqual({ emitted: ['a', ''], found: 'aab' })
  })

  it('lets everything through without stop strings', () => {
    expect(run([], ['a', 'b'])).toEqual({ emitted: ['a', 'b', ''], found: undefined })
  })

  it('works where token borders cut characters: a stop string that ends inside a token with half a character', () => {
    const bytes = new TextEncoder().encode('naïve 世STOP界!')
    // Cut every character of more than one byte in two, and join its halves to the neighbours.
    const cuts = [0, 3, 7, 9, 11, 14, bytes.length]
    const tokens = cuts.slice(1).map((cut, i) => bytes.slice(cuts[i], cut))
    const { emitted, found } = run(['STOP'], pieces(tokens))
    expect(emitted.join('')).toBe('naïve 世')
    expect(found).toBe('STOP')
  })

  it('keeps characters whole beside a stop string that shares their first half', () => {
    expect(run(['😀'], ['a😁b', '😀c'])).toEqual({ emitted: ['a😁b', '', ''], found: '😀' })
  })

  it('refuses an empty stop string and half a character', () => {
    expect(() => new StopStrings([''])).toThrow(OptionError)
    expect(() => new StopStrings(['😀'.slice(0, 1)])).toThrow(OptionError)
  })

  it('agrees with a search in the whole text, for any cut of its bytes into tokens', () => {
    const unit = fc.constantFrom('a', 'b', 'é', '世', '😀', '😁', '\n')
    const words = fc.array(fc.string({ unit, minLength: 1, maxLength: 4 }), { maxLength: 4 })
    const texts = fc.string({ unit, maxLength: 40 })
    const lengths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(words, texts, lengths, (stops, text, sizes) => {
        const bytes = new TextEncoder().encode(text)
        const tokens: Uint8Array[] = []
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]) {
          tokens.push(bytes.slice(at, at + sizes[i % sizes.length]))
        }
        const { emitted, found } = run(stops, pieces(tokens))
        const expected = naive(stops, text)
        expect(emitted.join('')).toBe(expected.shown)
        expect(found).toBe(expected.found)
        for (const piece of emitted) expect(piece.isWellFormed()).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes linear time when nearly everything could be the start of a stop string', () => {
    const watch = new StopStrings([`${'a'.repeat(20_000)}b`])
    let shown = 0
    for (let i = 0; i < 1000; i++) shown += watch.push('a'.repeat(200)).length
    expect(shown).toBe(180_000)
  })
})
