import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import { changed, placesIn } from '../testing/json-mutations.ts'
import type { JsonValue, MetadataValue } from '../weights/checkpoint.ts'
import { StringArray } from '../weights/string-array.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { tokenizerFromSentencePiece } from './from-sentencepiece.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import { sentencePieceModel } from './test-sentencepiece.ts'
import { inByteAlphabet, smallMetadata, spaceMetadata } from './test-vocabularies.ts'
import type { Tokenizer } from './tokenizer.ts'

/*
 * A broken file gives a TokenizerError, or a tokenizer that works: whose ids are its own, whatever the text; soon.
 */

const TEXT =
  'The quick <s> brown</s>\n\n  fox ▁▁ jumps 1234 über\u0000 é e\u0301 🦙 <0x41>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
const MILLISECONDS_A_CASE = 1000

/** Whether a tokenizer came of it. */
function meets(load: () => Tokenizer): boolean {
  const start = performance.now()
  let works = false
  try {
    const tokenizer = load()
    for (const special of [true, false]) {
      const ids = tokenizer.encode(TEXT, { special, beginning: true })
      for (const id of ids) expect(id >= 0 && id < tokenizer.size, `id ${id} of ${tokenizer.size}`).toBe(true)
      expect(typeof tokenizer.decode(ids, { special })).toBe('string')
    }
    works = true
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error
  }
  expect(performance.now() - start).toBeLessThan(MILLISECONDS_A_CASE)
  return works
}

/** Some changes must matter and some must not, or nothing was tested. */
function attack<T>(cases: fc.Arbitrary<T>, runs: number, load: (changed: T) => Tokenizer): void {
  let working = 0
  let all = 0
  fc.assert(
    fc.property(cases, (changed) => {
      all++
      if (meets(() => load(changed))) working++
    }),
    { numRuns: runs },
  )
  expect(working).toBeGreaterThan(all * 0.01)
  expect(working).toBeLessThan(all * 0.99)
}

const DEEP = JSON.parse(`${'{"type":"Sequence","normalizers":['.repeat(40)}${']}'.repeat(40)}`)
const VALUES = fc.constantFrom<JsonValue>(
  ...[null, true, false, 0, 1, -1, 2 ** 31, 2 ** 53, 1e300, 0.5, '', ' ', 'a', '▁', '<s>', '\ud800', 'a'.repeat(5000)],
  ...[
    [],
    {},
    [[]],
    [null],
    { type: 'NFC' },
    { type: 'Sequence' },
    { String: '' },
    { Regex: '(' },
    { Regex: 'a*' },
    DEEP,
  ],
  ...['Isolated', 'Removed', 'Sequence', 'ByteLevel', 'Metaspace', 'BPE', 'Unigram', 'always', 'first', '<0x41>'],
)

const BYTES = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [inByteAlphabet([byte]), byte]))
const token = (id: number, content: string, special: boolean) => ({
  ...{ id, content, special },
  ...{ single_word: false, lstrip: false, rstrip: true, normalized: !special },
})

const BYTE_LEVEL: JsonValue = {
  added_tokens: [token(258, '<s>', true), token(259, '1234', false)],
  normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Strip', strip_left: true }] },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '\\p{N}{1,3}' }, behavior: 'Isolated', invert: false },
      { type: 'Punctuation', behavior: 'MergedWithNext' },
      { type: 'ByteLevel', add_prefix_space: true, use_regex: true },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  },
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: { ...BYTES, aa: 256, aaaa: 257 }, merges: [['a', 'a'], 'aa aa'] },
}

const BYTE_TOKENS = Object.fromEntries(
  Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, byte]),
)

const CHARACTERS: JsonValue = {
  added_tokens: [token(256, '<s>', true), token(257, '▁▁', false)],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<s>',
    fuse_unk: true,
    byte_fallback: true,
    ignore_merges: false,
    vocab: { ...BYTE_TOKENS, '<s>': 256, '▁▁': 257, '▁': 258, a: 259, aa: 260, '▁a': 261 },
    merges: ['a a', ['▁', 'a'], ['▁', '▁']],
  },
}

describe.each([
  ['byte-level', BYTE_LEVEL],
  ['of characters', CHARACTERS],
])('tokenizer.json, %s', (_, whole) => {
  const load = (value: JsonValue) =>
    tokenizerFromJson(new TextEncoder().encode(JSON.stringify(value)), 'tokenizer.json')

  it('works unchanged', () => {
    expect(meets(() => load(whole))).toBe(true)
  })

  it('with other values anywhere', () => {
    const places = placesIn(whole).filter(
      (path) => path[1] !== 'vocab' || path[2] === undefined || path[2].length !== 6,
    )
    const change = fc.tuple(fc.constantFrom(...places), VALUES)
    attack(fc.array(change, { minLength: 1, maxLength: 2 }), 2500, (changes) => {
      return load(changes.reduce<JsonValue>((value, [path, replacement]) => changed(value, path, replacement), whole))
    })
  })

  it('with other bytes anywhere', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(whole))
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(...new TextEncoder().encode('"\\{}[],:0u ')))
    const change = fc.tuple(fc.nat(bytes.length - 1), byte)
    attack(fc.array(change, { minLength: 1, maxLength: 3 }), 1500, (changes) => {
      const damaged = bytes.slice()
      for (const [place, value] of changes) damaged[place] = value
      return tokenizerFromJson(damaged, 'tokenizer.json')
    })
  })
})

describe.each([
  [
    'byte-level',
    smallMetadata({
      tokens: ['aa', 'aaaa'],
      merges: ['a a', 'aa aa'],
      added: [
        ['<s>', 3],
        ['1234', 4],
      ],
    }),
  ],
  ['of SentencePiece', spaceMetadata(['▁', 'a', 'aa', '▁a', 'aaaa', 'Th', '▁▁'])],
])('GGUF metadata, %s', (_, whole) => {
  it('with other values', () => {
    const texts = fc.constantFrom(
      '',
      ' ',
      'a',
      'aa',
      '▁',
      '<s>',
      '<0x41>',
      '<0xZZ>',
      '\u0000',
      'a b c',
      'x'.repeat(3000),
    )
    const count = whole.get('tokenizer.ggml.tokens')
    const length = count instanceof StringArray ? count.length : 0
    const numbers = fc.constantFrom(0, 1, -1, 3, 6, 7, 255, 2 ** 31 - 1, Number.NaN, Number.POSITIVE_INFINITY, -1e9)
    const value: fc.Arbitrary<MetadataValue | undefined> = fc.oneof(
      fc.constantFrom<MetadataValue | undefined>(
        undefined,
        0,
        -1,
        1e9,
        2 ** 32 - 1,
        0.5,
        Number.NaN,
        true,
        false,
        2n ** 64n,
      ),
      fc.constantFrom('', 'llama', 'gpt2', 'gemma4', 'qwen2', 'deepseek-v3', 'gpt-4o', 'falcon'),
      fc.array(texts, { maxLength: 8 }).map((list) => StringArray.from(list)),
      fc
        .constantFrom(length, length - 1, 3)
        .chain((size) =>
          fc
            .tuple(fc.array(numbers, { minLength: size, maxLength: size }), fc.boolean())
            .map(([list, integers]) => (integers ? Int32Array.from(list) : Float32Array.from(list))),
        ),
    )
    const change = fc.tuple(fc.constantFrom(...whole.keys(), 'tokenizer.ggml.add_space_prefix'), value)
    attack(fc.array(change, { minLength: 1, maxLength: 2 }), 2500, (changes) => {
      const metadata = new Map(whole)
      for (const [key, replacement] of changes) {
        if (replacement === undefined) metadata.delete(key)
        else metadata.set(key, replacement)
      }
      return tokenizerFromGguf(metadata, 'small.gguf')
    })
  })
})

describe('a SentencePiece model', () => {
  const whole = sentencePieceModel([
    ['▁', -1],
    ['a', -2],
    ['aa', -3],
    ['▁a', -4],
    ['Th', -5],
    ['aaaa', -6],
  ])

  it('works unchanged', () => {
    expect(meets(() => tokenizerFromSentencePiece(whole, 'tokenizer.model'))).toBe(true)
  })

  it('with other bytes anywhere, or cut off', () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)))
    const cut = fc.oneof(fc.constant(whole.length), fc.nat(whole.length))
    attack(fc.tuple(fc.array(change, { maxLength: 3 }), cut), 2500, ([changes, end]) => {
      const damaged = whole.slice(0, end)
      for (const [place, value] of changes) if (place < end) damaged[place] = value
      return tokenizerFromSentencePiece(damaged, 'tokenizer.model')
    })
  })
})
