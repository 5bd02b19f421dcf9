import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from './from-gguf.ts'
import { smallMetadata } from './test-vocabularies.ts'
import { TextStream } from './text-stream.ts'

/** Tokens 0 to 255 are bytes; 257 to 260 begin, end or lie within characters; 261 is special. */
const TOKENIZER = tokenizerFromGguf(
  smallMetadata({
    tokens: ['ðŁ', 'ĺĢ', 'ŁĺĢ', 'Ģa'],
    merges: ['ð Ł', 'ĺ Ģ', 'Ł ĺĢ', 'Ģ a'],
    added: [['<|end|>', 3]],
  }),
  'small.gguf',
)

/** Bytes that begin, continue or never occur in UTF-8, of every length, and surrogates and overlong forms of them. */
const BYTES = [
  0x61, 0x80, 0xbf, 0x9f, 0xa0, 0xc0, 0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xbb, 0xf0, 0xf4, 0x8f, 0x90, 0xf5, 0xff,
]
const IDS = fc.array(fc.oneof(fc.constantFrom(...BYTES), fc.nat(261), fc.constantFrom(-1, 5000)), { maxLength: 24 })

function streamed(ids: readonly number[], options?: { special?: boolean }): string[] {
  const stream = new TextStream(TOKENIZER, options)
  return [...ids.map((id) => stream.push(id)), stream.flush()]
}

describe('TextStream', () => {
  it('gives, joined, what decode gives, for any ids', () => {
    fc.assert(
      fc.property(IDS, fc.boolean(), (ids, special) => {
        expect(streamed(ids, { special }).join('')).toBe(TOKENIZER.decode(ids, { special }))
      }),
      { numRuns: 5000 },
    )
  })

  it('gives every text back, and no part of a character, however it is cut into tokens', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parts = streamed(Array.from(new TextEncoder().encode(text)))
        expect(parts.join('')).toBe(text)
        for (const part of parts) expect(part.isWellFormed()).toBe(true)
        expect(parts.every((part) => [...part].length <= 1)).toBe(true)
      }),
    )
  })

  it('holds bytes back until the character is whole', () => {
    expect(streamed([0x61, 257, 258, 0x62])).toEqual(['a', '', '😀', 'b', ''])
    expect(streamed([0xf0, 259])).toEqual(['', '😀', ''])
  })

  it('gives U+FFFD for what never became a character, at once where it can no more, else at the end', () => {
    expect(streamed([257, 0x61])).toEqual(['', '\ufffda', ''])
    expect(streamed([257])).toEqual(['', '\ufffd'])
    expect(streamed([0xff])).toEqual(['\ufffd', ''])
  })

  it('leaves special tokens out where asked to, also within a character', () => {
    expect(streamed([257, 261, 258], { special: false })).toEqual(['', '', '😀', ''])
    expect(streamed([261])).toEqual(['<|end|>', ''])
  })

  it('keeps a byte order mark', () => {
    expect(streamed([0xef, 0xbb, 0xbf, 0x61]).join('')).toBe('\ufeffa')
  })

  it('can be used again after the end', () => {
    const stream = new TextStream(TOKENIZER)
    expect([stream.push(257), stream.flush(), stream.push(0x61), stream.flush()]).toEqual(['', '\ufffd', 'a', ''])
  })
})
