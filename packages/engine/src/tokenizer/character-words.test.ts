import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject, MetadataValue } from '../weights/checkpoint.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import { spaceMetadata } from './test-vocabularies.ts'
import { TextStream } from './text-stream.ts'

const byteId = (byte: number) => 3 + byte
const FIRST = 259

/** Scores fall from the first token to the last. */
function tokenizerOf(tokens: readonly string[], fields: Record<string, MetadataValue> = {}) {
  return tokenizerFromGguf(spaceMetadata(tokens, fields), 'small.gguf')
}

const NO_PREFIX = { 'tokenizer.ggml.add_space_prefix': false }
const HELLO = ['▁h', 'll', 'el', '▁hel', 'lo', '▁', 'h', 'e', 'l', 'o', '▁▁']
const id = (token: string) => FIRST + HELLO.indexOf(token)

describe('a SentencePiece tokenizer of a GGUF file', () => {
  const tokenizer = tokenizerOf(HELLO)

  it('merges the neighbours of the highest score first', () => {
    expect(Array.from(tokenizer.encode('hello'))).toEqual([id('▁h'), id('e'), id('ll'), id('o')])
    expect(Array.from(tokenizerOf(HELLO, NO_PREFIX).encode('hello'))).toEqual(['h', 'e', 'll', 'o'].map(id))
  })

  it('spells characters that are no tokens in bytes', () => {
    const bytes = [...new TextEncoder().encode('é🦙')].map(byteId)
    expect(Array.from(tokenizer.encode('hé🦙'))).toEqual([id('▁h'), ...bytes])
    expect(tokenizer.decode(tokenizer.encode('hé🦙'))).toBe('hé🦙')
  })

  it('puts a space before every piece of text, and leaves out the first in decoding', () => {
    expect(Array.from(tokenizer.encode('h</s>h'))).toEqual([id('▁h'), 2, id('▁h')])
    expect(Array.from(tokenizer.encode('h', { beginning: true }))).toEqual([1, id('▁h')])
    expect(tokenizer.decode([id('▁h'), id('▁h')])).toBe('h h')
    expect(tokenizer.decode([id('▁h')], { continues: true })).toBe(' h')
    expect(tokenizer.decode([1, id('▁h')])).toBe('<s> h')
    expect(tokenizer.decode([1, id('▁h')], { special: false })).toBe('h')
    expect(tokenizer.encode('')).toHaveLength(0)
  })

  it('takes U+2581 in text for a space', () => {
    expect(Array.from(tokenizer.encode('▁h'))).toEqual(Array.from(tokenizer.encode(' h')))
  })

  it('never makes control tokens or tokens of bytes of text', () => {
    const letters = ['<', '<s', '<s>', '0', 'x', '4', '1', '>', '<0', '<0x', '<0x4', '<0x41', '<0x41>', 's']
    const cunning = tokenizerOf(letters, NO_PREFIX)
    const expected = (text: string) =>
      Array.from(cunning.encode(text, { special: false }), (id) => cunning.decode([id]))
    expect(Array.from(cunning.encode('<s>', { special: false }))).not.toContain(1)
    expect(Array.from(cunning.encode('<0x41>'))).not.toContain(byteId(0x41))
    expect(expected('<0x41>').join('')).toBe('<0x41>')
    expect(Array.from(cunning.encode('<s>'))).toEqual([1])
  })

  it('gives any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text, { special: false }))).toBe(text.replaceAll('▁', ' '))
      }),
    )
  })

  it('cuts long text into words, but not where a token goes on', () => {
    // With "a▁b" no cut may come between a and a space; with the others it may.
    const tokens = ['a▁b', 'a▁', '▁b', 'a', 'b', '▁', '▁▁']
    const joined = tokenizerOf(tokens, NO_PREFIX)
    expect(Array.from(joined.encode('a b'))).toEqual([FIRST])
    expect(Array.from(joined.encode('b b'))).toEqual([FIRST + 4, FIRST + 2])
    const text = 'a b  b a ab b'.repeat(50)
    const whole = Array.from(joined.encode(text))
    expect(joined.decode(whole)).toBe(text)
  })

  it('is not quadratic in text without a break', () => {
    for (const text of ['l'.repeat(1 << 17), ' '.repeat(1 << 17), '我'.repeat(1 << 15)]) {
      const start = performance.now()
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      expect(performance.now() - start).toBeLessThan(10_000)
    }
  })
})

describe('a stream of such tokens', () => {
  const tokenizer = tokenizerOf(HELLO)
  const streamed = (ids: readonly number[], options = {}) => {
    const stream = new TextStream(tokenizer, options)
    return [...ids.map((id) => stream.push(id)), stream.flush()]
  }

  it('leaves out the first space, and only that', () => {
    expect(streamed([id('▁'), id('▁h'), id('▁h')])).toEqual(['', ' h', ' h', ''])
    expect(streamed([id('▁h')], { continues: true })).toEqual([' h', ''])
    expect(streamed([id('h'), id('▁h')])).toEqual(['h', ' h', ''])
    expect(streamed([1, id('▁h')], { special: false })).toEqual(['', 'h', ''])
    expect(streamed([byteId(0x20), id('h')])).toEqual(['', 'h', ''])
  })

  it('holds tokens of bytes back until the character is whole', () => {
    const bytes = [...new TextEncoder().encode('é我')].map(byteId)
    expect(streamed(bytes)).toEqual(['', 'é', '', '', '我', ''])
    expect(streamed([byteId(0xe6), id('h')])).toEqual(['', '\ufffdh', ''])
  })

  it('gives, joined, what decode gives, for any ids', () => {
    const ids = fc.array(fc.oneof(fc.nat(FIRST + HELLO.length), fc.constantFrom(id('▁'), id('▁h'), byteId(0x20), 1)))
    fc.assert(
      fc.property(ids, fc.boolean(), fc.boolean(), (ids, special, continues) => {
        const options = { special, continues }
        expect(streamed(ids, options).join('')).toBe(tokenizer.decode(ids, options))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a tokenizer.json without tokens of bytes', () => {
  const load = (model: JsonObject) =>
    tokenizerFromJson(
      new TextEncoder().encode(
        JSON.stringify({
          added_tokens: [],
          pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
          decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
          model: { type: 'BPE', vocab: { '<unk>': 0, a: 1, '▁': 2, '▁a': 3 }, merges: ['▁ a'], ...model },
        }),
      ),
      'tokenizer.json',
    )

  it('has its unknown token, once or for each character', () => {
    const each = load({ unk_token: '<unk>', fuse_unk: false })
    const fused = load({ unk_token: '<unk>', fuse_unk: true })
    expect(Array.from(each.encode('axy a'))).toEqual([1, 0, 0, 3])
    expect(Array.from(fused.encode('axy a'))).toEqual([1, 0, 3])
    expect(() => load({})).toThrow('unknown characters')
  })
})
