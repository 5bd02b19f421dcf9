import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../weights/checkpoint.ts'
import { readPreTokenizer } from './json-pre-tokenizer.ts'

const TEXT = " Hey  you, it's 12½ a_b—c!! "

function words(text: string, ...pretokenizers: JsonObject[]): string[] {
  const { preTokenizer } = readPreTokenizer({ type: 'Sequence', pretokenizers }, 'tokenizer.json')
  const result: string[] = []
  preTokenizer.forEachWord(text, true, (whole, start, end) => result.push(whole.slice(start, end)))
  return result
}

/** Expected is what Hugging Face's tokenizers 0.23.3 gave. */
describe('pre_tokenizer', () => {
  it.each<[string, JsonObject, string[]]>([
    [
      'Punctuation',
      { type: 'Punctuation' },
      [' Hey  you', ',', ' it', "'", 's 12½ a', '_', 'b', '—', 'c', '!', '!', ' '],
    ],
    [
      'Punctuation, merged',
      { type: 'Punctuation', behavior: 'MergedWithPrevious' },
      [' Hey  you,', " it'", 's 12½ a_', 'b—', 'c!', '!', ' '],
    ],
    [
      'Punctuation, contiguous',
      { type: 'Punctuation', behavior: 'Contiguous' },
      [' Hey  you', ',', ' it', "'", 's 12½ a', '_', 'b', '—', 'c', '!!', ' '],
    ],
    ['Whitespace', { type: 'Whitespace' }, ['Hey', 'you', ',', 'it', "'", 's', '12', '½', 'a_b', '—', 'c', '!!']],
    ['WhitespaceSplit', { type: 'WhitespaceSplit' }, ['Hey', 'you,', "it's", '12½', 'a_b—c!!']],
    ['Digits', { type: 'Digits', individual_digits: true }, [" Hey  you, it's ", '1', '2', '½', ' a_b—c!! ']],
    ['Digits, together', { type: 'Digits', individual_digits: false }, [" Hey  you, it's ", '12½', ' a_b—c!! ']],
    [
      'Metaspace',
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
      ['▁Hey', '▁', '▁you,', "▁it's", '▁12½', '▁a_b—c!!', '▁'],
    ],
    [
      'Metaspace, whole',
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
      ["▁Hey▁▁you,▁it's▁12½▁a_b—c!!▁"],
    ],
  ])('%s', (_, step, expected) => {
    expect(words(TEXT, step)).toEqual(expected)
  })

  it.each<[string, JsonObject, string[]]>([
    ['always', { prepend_scheme: 'always' }, ['▁a', '▁,', '▁b▁c']],
    ['first', { prepend_scheme: 'first' }, ['▁a', ',', 'b▁c']],
    ['never', { prepend_scheme: 'never' }, ['a', ',', 'b▁c']],
    ['always, in files from before there was a scheme', { add_prefix_space: true }, ['▁a', '▁,', '▁b▁c']],
    ['never, in such files', { add_prefix_space: false }, ['a', ',', 'b▁c']],
  ])('Metaspace prepends %s', (_, fields, expected) => {
    const split = { type: 'Split', pattern: { String: ',' }, behavior: 'Isolated', invert: false }
    expect(words('a,b c', split, { type: 'Metaspace', replacement: '▁', split: false, ...fields })).toEqual(expected)
  })

  it('ByteLevel puts a space before every word of the step before it', () => {
    const digits = { type: 'Digits', individual_digits: true }
    expect(words('a1 b', digits, { type: 'ByteLevel', add_prefix_space: true })).toEqual([' a', ' 1', ' b'])
  })
})
