import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../weights/checkpoint.ts'
import { readNormalizer } from './json-normalizer.ts'

function normal(text: string, ...normalizers: JsonObject[]): string {
  return readNormalizer({ type: 'Sequence', normalizers }, 'tokenizer.json')(text)
}

/** Expected is what Hugging Face's tokenizers 0.23.3 gave. */
describe('normalizer', () => {
  it.each<[string, string, JsonObject[], string]>([
    ['NFC', 'e\u0301ﬁ', [{ type: 'NFC' }], 'éﬁ'],
    ['NFD', 'éﬁ', [{ type: 'NFD' }], 'e\u0301ﬁ'],
    ['NFKC', 'e\u0301ﬁ①', [{ type: 'NFKC' }], 'éfi1'],
    ['NFKD', 'éﬁ①', [{ type: 'NFKD' }], 'e\u0301fi1'],
    ['Lowercase', 'ÀΟΔΟΣ İ ẞ', [{ type: 'Lowercase' }], 'àοδοσ i\u0307 ß'],
    ['StripAccents', 'e\u0301a\u0300\u093e', [{ type: 'StripAccents' }], 'ea'],
    ['Strip', ' \t\u3000a b\n ', [{ type: 'Strip', strip_left: true, strip_right: true }], 'a b'],
    ['Strip left', ' a ', [{ type: 'Strip', strip_left: true, strip_right: false }], 'a '],
    ['Prepend', 'a', [{ type: 'Prepend', prepend: '▁' }], '▁a'],
    ['Prepend to nothing', '', [{ type: 'Prepend', prepend: '▁' }], ''],
    ['Replace a text', 'a.b.', [{ type: 'Replace', pattern: { String: '.' }, content: '$&' }], 'a$&b$&'],
    ['Replace a pattern', 'a1b22', [{ type: 'Replace', pattern: { Regex: '\\d+' }, content: '#' }], 'a#b#'],
    ['one after the other', 'É', [{ type: 'NFD' }, { type: 'StripAccents' }, { type: 'Lowercase' }], 'e'],
  ])('%s', (_, text, steps, expected) => {
    expect(normal(text, ...steps)).toBe(expected)
  })

  it('is nothing where there is none', () => {
    expect(readNormalizer(null, 'tokenizer.json')('e\u0301')).toBe('e\u0301')
  })

  it.each<[string, JsonObject]>([
    ['Precompiled', { type: 'Precompiled' }],
    ['without a text', { type: 'Prepend' }],
    ['without a content', { type: 'Replace', pattern: { String: 'a' } }],
    ['without a pattern', { type: 'Replace', content: 'a' }],
  ])('names what is not supported: %s', (what, step) => {
    expect(() => normal('', step)).toThrow(what)
  })
})
