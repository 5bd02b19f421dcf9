import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import type { TokenizerCompanions } from './companions.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import { inByteAlphabet } from './test-vocabularies.ts'

const BYTES = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [inByteAlphabet([byte]), byte]))
const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
type LoadedParts = JsonObject & { model?: JsonObject }

function added(id: number, content: string, fields: JsonObject = {}): JsonObject {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...fields }
}

function load(parts: LoadedParts = {}, companions?: TokenizerCompanions) {
  return tokenizerFromJson(file(parts), 'tokenizer.json', companions)
}

function file({ model, ...parts }: LoadedParts): Uint8Array {
  const vocab: Record<string, number> = { ...BYTES, ab: 256, abc: 257 }
  const json = {
    added_tokens: [added(258, '<s>'), added(259, '</s>')],
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    ...parts,
    model: { type: 'BPE', vocab, merges: ['a b'], ...model },
  }
  return new TextEncoder().encode(JSON.stringify(json))
}

/** Where "aa" is a token and "a a" a merge, two neighbours of one word are one token, of two words two. */
function isCut(preTokenizer: JsonValue, text: string): boolean {
  const [left, right] = [...text].map((character) => inByteAlphabet(new TextEncoder().encode(character)))
  const vocab = { ...BYTES, [`${left}${right}`]: 256 }
  const tokenizer = load({ pre_tokenizer: preTokenizer, model: { vocab, merges: [[left ?? '', right ?? '']] } })
  return tokenizer.encode(text).length > 1
}

function refusal(parts: LoadedParts, companions?: TokenizerCompanions): TokenizerError {
  try {
    load(parts, companions)
  } catch (error) {
    if (error instanceof TokenizerError) return error
    throw error
  }
  throw new Error('It was accepted.')
}

describe('pre_tokenizer', () => {
  const split = (pattern: JsonValue, fields: JsonObject = {}): JsonObject => ({
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern, behavior: 'Isolated', invert: false, ...fields },
      { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    ],
  })

  it('ByteLevel splits as GPT-2, also where the file is from before use_regex', () => {
    expect(isCut(BYTE_LEVEL, 'a1')).toBe(true)
    expect(isCut({ type: 'ByteLevel', add_prefix_space: false }, 'a1')).toBe(true)
    expect(isCut({ type: 'ByteLevel', use_regex: false }, 'a1')).toBe(false)
  })

  it('ByteLevel puts a space before text that has none', () => {
    const tokenizer = load({ pre_tokenizer: { ...BYTE_LEVEL, add_prefix_space: true } })
    expect(Array.from(tokenizer.encode('a<s>b<s> c'))).toEqual([0x20, 0x61, 258, 0x20, 0x62, 258, 0x20, 0x63])
    expect(tokenizer.encode('')).toHaveLength(0)
  })

  it('Split takes a pattern or a text', () => {
    expect(isCut(split({ Regex: '\\p{N}' }), '12')).toBe(true)
    expect(isCut(split({ Regex: '\\p{N}+' }), '12')).toBe(false)
    expect(isCut(split({ String: '.' }), 'a.')).toBe(true)
    expect(isCut(split({ String: '.' }), 'ab')).toBe(false)
  })

  it('Split keeps or removes what it does not match', () => {
    const removing = load({ pre_tokenizer: split({ Regex: 'a|b' }, { behavior: 'Removed', invert: true }) })
    expect(Array.from(removing.encode('xaxbx'))).toEqual([0x61, 0x62])
    const keeping = load({ pre_tokenizer: split({ Regex: 'a|b' }) })
    expect(keeping.decode(keeping.encode('xaxbx'))).toBe('xaxbx')
  })

  it('Digits splits off numbers, one by one or together', () => {
    const digits = (individual: boolean): JsonObject => ({
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: individual },
        { type: 'ByteLevel', use_regex: false },
      ],
    })
    expect([isCut(digits(true), '12'), isCut(digits(false), '12'), isCut(digits(false), 'a1')]).toEqual([
      true,
      false,
      true,
    ])
  })

  it.each<[string, JsonValue]>([
    ['UnicodeScripts', { type: 'UnicodeScripts' }],
    ['Metaspace', { type: 'Sequence', pretokenizers: [{ type: 'Metaspace' }, BYTE_LEVEL] }],
    ['prepend_scheme', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'last' }],
    ['the behavior Joined', split({ Regex: 'a' }, { behavior: 'Joined' })],
    ['a step after ByteLevel', { type: 'Sequence', pretokenizers: [BYTE_LEVEL, { type: 'Digits' }] }],
    ['without a pattern', split({})],
    ['a++', split({ Regex: 'a++' })],
  ])('names what is not supported: %s', (what, preTokenizer) => {
    const error = refusal({ pre_tokenizer: preTokenizer })
    expect(error.code).toBe('unsupported-tokenizer')
    expect(error.field).toBe('pre_tokenizer')
    expect(error.message).toContain(what)
  })
})

describe('the other parts', () => {
  it('normalizer: NFC, or nothing', () => {
    const nfd = 'e\u0301'
    expect(load({ normalizer: { type: 'NFC' } }).encode(nfd)).toHaveLength(2)
    expect(load({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }] } }).encode(nfd)).toHaveLength(2)
    expect(load({ normalizer: { type: 'Sequence', normalizers: [] } }).encode(nfd)).toHaveLength(3)
    expect(refusal({ normalizer: { type: 'Precompiled' } }).message).toContain('Precompiled')
  })

  it('normalizer: an added token that is normalized is found after it, any other before', () => {
    const parts = (normalized: boolean) => ({
      normalizer: { type: 'NFC' },
      added_tokens: [added(258, 'e\u0301', { normalized })],
    })
    expect(Array.from(load(parts(true)).encode('\u00e9e\u0301'))).toEqual([258, 258])
    expect(Array.from(load(parts(false)).encode('\u00e9e\u0301'))).toEqual([0xc3, 0xa9, 258])
  })

  it('model: ignore_merges', () => {
    expect(Array.from(load().encode('abc'))).toEqual([256, 0x63])
    expect(Array.from(load({ model: { ignore_merges: true } }).encode('abc'))).toEqual([257])
  })

  it.each<[string, JsonObject]>([
    ['Unigram', { type: 'Unigram' }],
    ['byte_fallback', { byte_fallback: true }],
    ['dropout', { dropout: 0.1 }],
    ['continuing_subword_prefix', { continuing_subword_prefix: '##' }],
    ['end_of_word_suffix', { end_of_word_suffix: '</w>' }],
  ])('model: %s is not supported', (what, model) => {
    expect(refusal({ model }).code).toBe('unsupported-tokenizer')
    expect(refusal({ model }).message).toContain(what)
  })

  it('decoder: bytes only', () => {
    expect(refusal({ decoder: { type: 'WordPiece' } }).message).toContain('WordPiece')
    expect(refusal({ decoder: null }).message).toContain('nothing')
  })

  it('added_tokens: need an id and a text', () => {
    expect(refusal({ added_tokens: [{ id: 1 }] }).field).toBe('added_tokens')
    expect(refusal({ added_tokens: [added(2 ** 31, 'a')] }).code).toBe('invalid-tokenizer')
  })
})

describe('what begins and ends texts', () => {
  const template = (...before: string[]) => ({
    type: 'TemplateProcessing',
    single: [...before.map((id) => ({ SpecialToken: { id, type_id: 0 } })), { Sequence: { id: 'A', type_id: 0 } }],
  })

  it('begins as post_processor says, else as tokenizer_config.json does', () => {
    const config = { add_bos_token: true, bos_token: { content: '<s>' } }
    expect(load({ post_processor: template('<s>') }).beginning).toBe(258)
    expect(load({ post_processor: { type: 'Sequence', processors: [BYTE_LEVEL, template('<s>')] } }).beginning).toBe(
      258,
    )
    expect(load({ post_processor: template() }).beginning).toBeUndefined()
    expect(load({}, { tokenizerConfig: config }).beginning).toBe(258)
    expect(load({}, { tokenizerConfig: { ...config, add_bos_token: false } }).beginning).toBeUndefined()
  })

  it('refuses other post-processors', () => {
    expect(refusal({ post_processor: template('<s>', '</s>') }).message).toContain('more than one token')
    expect(refusal({ post_processor: template('<unknown>') }).message).toContain('<unknown>')
    expect(refusal({ post_processor: { type: 'BertProcessing' } }).message).toContain('BertProcessing')
  })

  it('ends as generation_config.json and tokenizer_config.json say', () => {
    const ends = (companions: TokenizerCompanions) => [...load({}, companions).ends].sort((a, b) => a - b)
    expect(ends({ generationConfig: { eos_token_id: 5 } })).toEqual([5, 259])
    expect(ends({ generationConfig: { eos_token_id: [5, 6] } })).toEqual([5, 6, 259])
    expect(ends({ generationConfig: { eos_token_id: null } })).toEqual([259])
    expect(ends({ tokenizerConfig: { eos_token: '<s>' } })).toEqual([258, 259])
    expect(refusal({}, { generationConfig: { eos_token_id: 260 } }).field).toBe('eos_token_id')
    expect(refusal({}, { generationConfig: { eos_token_id: '</s>' } }).field).toBe('eos_token_id')
  })

  it('takes special tokens and missing added tokens from tokenizer_config.json', () => {
    const decoder = {
      '258': added(258, 'other'),
      '260': added(260, '<|im_end|>'),
      '261': added(261, '<think>', { special: false }),
    }
    const tokenizer = load(
      {},
      { tokenizerConfig: { added_tokens_decoder: decoder, eos_token: '<|im_end|>', pad_token: null } },
    )
    expect([...tokenizer.specialTokens]).toEqual([['eos_token', '<|im_end|>']])
    expect(Array.from(tokenizer.encode('<s><|im_end|><think>'))).toEqual([258, 260, 261])
    expect([...tokenizer.ends]).toEqual([260, 259])
    expect([258, 260, 261].map((id) => tokenizer.isSpecial(id))).toEqual([true, true, false])
  })
})

it('meets damage anywhere with a TokenizerError, or still encodes', () => {
  const whole = file({ normalizer: { type: 'NFC' }, pre_tokenizer: { type: 'Sequence', pretokenizers: [BYTE_LEVEL] } })
  const places = fc.oneof(fc.nat(whole.length - 1), fc.integer({ min: whole.length - 400, max: whole.length - 1 }))
  const bytes = fc.oneof(fc.nat(255), fc.constantFrom(...new TextEncoder().encode('"\\{}[],:0u ')))
  fc.assert(
    fc.property(fc.array(fc.tuple(places, bytes), { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = whole.slice()
      for (const [place, byte] of changes) damaged[place] = byte
      try {
        expect(tokenizerFromJson(damaged, 'tokenizer.json').encode('abc <s> 12')).toBeInstanceOf(Int32Array)
      } catch (error) {
        expect(error).toBeInstanceOf(TokenizerError)
      }
    }),
    { numRuns: 2000 },
  )
})
