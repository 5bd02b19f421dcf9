import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import { decodeByteAlphabet } from './byte-alphabet.ts'
import { inByteAlphabet } from './test-vocabularies.ts'
import { TokenizerJson } from './tokenizer-json.ts'

const BYTES = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [inByteAlphabet([byte]), byte]))

function read(text: string) {
  const json = new TokenizerJson(new TextEncoder().encode(text), 'tokenizer.json')
  const vocabulary = json.readVocabulary(decodeByteAlphabet).build()
  return { rest: json.rest, vocabulary, merges: json.readMerges(vocabulary, decodeByteAlphabet) }
}

function escaped(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

describe('TokenizerJson', () => {
  it('reads what JSON.parse reads, in any layout and with any escapes', () => {
    const token = fc.array(fc.nat(255), { minLength: 2, maxLength: 6 }).map(inByteAlphabet)
    const indents = fc.constantFrom(undefined, 1, '\t', ' \r\n ')
    fc.assert(
      fc.property(fc.uniqueArray(token), indents, fc.boolean(), fc.boolean(), (tokens, indent, ascii, mergesFirst) => {
        const vocab = { ...BYTES, ...Object.fromEntries(tokens.map((text, i) => [text, 256 + i])) }
        const rest = { type: 'BPE', unk: 'vocab": {', depth: [{ merges: [1] }, '\\"]}'] }
        const model = mergesFirst ? { merges: [], ...rest, vocab } : { ...rest, vocab, merges: [] }
        const text = JSON.stringify({ vocab: 1, model, merges: 'x', last: null }, null, indent)
        const parsed = read(ascii ? escaped(text) : text)
        expect(parsed.rest).toEqual({
          vocab: 1,
          model: { ...rest, vocab: null, merges: null },
          merges: 'x',
          last: null,
        })
        expect(parsed.vocabulary.size).toBe(256 + tokens.length)
        tokens.forEach((text, i) => {
          expect(inByteAlphabet(parsed.vocabulary.bytes(256 + i))).toBe(text)
        })
      }),
    )
  })

  it.each([
    [
      'pairs',
      [
        ['a', 'b'],
        ['ab', 'Ġ'],
      ],
    ],
    ['strings', ['a b', 'ab Ġ']],
  ])('reads merges that are %s', (_, merges) => {
    const vocab = { ...BYTES, ab: 256, abĠ: 257 }
    const parsed = read(JSON.stringify({ model: { merges, vocab } }))
    expect(parsed.merges.count).toBe(2)
    expect(parsed.merges.rank(0x61, 0x62)).toBe(0)
    expect(parsed.merges.result(1)).toBe(257)
  })

  it('reads every escape of JSON, also in tokens that are not made of bytes', () => {
    const { vocabulary } = read(
      String.raw`{"model":{"vocab":{"\"\\\/":0," \b\f\n\r\t\u00e9\ud83d\ude00":1},"merges":[]}}`,
    )
    expect(new TextDecoder().decode(vocabulary.bytes(0))).toBe('"\\/')
    expect(new TextDecoder().decode(vocabulary.bytes(1))).toBe(' \b\f\n\r\té😀')
  })

  it.each([
    ...['', ' ', '[]', '1', 'null', '{', '{}', '{"model":{}}', '{"model":1}', '{"model":{"vocab":{}}}', '\ufeff{}'],
    ...['{"model":{"vocab":[],"merges":[]}}', '{"model":{"vocab":{"a":0},"merges":{}}}', '{"model":{"vocab":{"a":0}'],
    ...['{"model":{"vocab":{"a"},"merges":[]}}', '{"model":{"vocab":{"a":"0"},"merges":[]}}'],
    ...['{"model":{"vocab":{"a":-1},"merges":[]}}', '{"model":{"vocab":{"a":1.5},"merges":[]}}'],
    ...['{"model":{"vocab":{"a":2147483648},"merges":[]}}', '{"model":{"vocab":{"a":9999999},"merges":[]}}'],
    ...['{"model":{"vocab":{"a":0,},"merges":[]}}', '{"model":{"vocab":{"a":0]},"merges":[]}}'],
    ...['{"model":{"vocab":{"a":0},"merges":["a"]}}', '{"model":{"vocab":{"a":0},"merges":[["a"]]}}'],
    ...['{"model":{"vocab":{"a":0,"aa":1},"merges":[["a","a","a"]]}}', '{"model":{"vocab":{"a":0},"merges":[1]}}'],
    ...['{"model":{"vocab":{"\\x":0},"merges":[]}}', '{"model":{"vocab":{"\\u12":0},"merges":[]}}'],
    ...['{"model":{"vocab":{"a":0},"merges":[]},"x":}', '{"model":{"vocab":{"a":0},"merges":[]},"x":tru}'],
    ...['{"model":{"vocab":{"a":0},"merges":[]}} x', `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('refuses %s', (text) => {
    expect(() => read(text)).toThrow(TokenizerError)
    expect(() => read(text)).toThrow('tokenizer.json')
  })

  it('refuses a file that is cut anywhere', () => {
    const text = JSON.stringify({ model: { vocab: { ...BYTES, ab: 256 }, merges: [['a', 'b']] }, x: 'é"' })
    const bytes = new TextEncoder().encode(text)
    for (let end = 0; end < bytes.length; end++) {
      expect(() => new TokenizerJson(bytes.subarray(0, end), 'tokenizer.json')).toThrow(TokenizerError)
    }
  })
})
