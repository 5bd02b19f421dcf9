import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import type { TokenizerCompanions } from './companions.ts'
import { tokenizerFromSentencePiece } from './from-sentencepiece.ts'
import { type SentencePieceParts, sentencePieceModel } from './test-sentencepiece.ts'

const PIECES = [
  ['▁a', -1],
  ['▁', -2],
  ['a', -3],
  ['b', -4],
] as const
const [SPACE_A, SPACE, A, B, NEXT] = [259, 260, 261, 262, 263]

function load(parts?: SentencePieceParts, companions?: TokenizerCompanions) {
  return tokenizerFromSentencePiece(sentencePieceModel(PIECES, parts), 'tokenizer.model', companions)
}

function refusal(bytes: Uint8Array): TokenizerError {
  try {
    tokenizerFromSentencePiece(bytes, 'tokenizer.model')
  } catch (error) {
    if (error instanceof TokenizerError) return error
    throw error
  }
  throw new Error('It was accepted.')
}

describe('tokenizer.model', () => {
  it('puts a space before text, unless it says otherwise', () => {
    expect(Array.from(load().encode('ab'))).toEqual([SPACE_A, B])
    expect(load().decode([SPACE_A, B])).toBe('ab')
    const plain = load({ normalizer: { 3: 0 } })
    expect(Array.from(plain.encode('ab'))).toEqual([A, B])
    expect(plain.decode([SPACE_A])).toBe(' a')
  })

  it('keeps spaces as they are, unless it says otherwise', () => {
    expect(Array.from(load().encode(' b  a '))).toEqual([SPACE, SPACE, B, SPACE, SPACE_A, SPACE])
    expect(Array.from(load({ normalizer: { 4: 1 } }).encode(' b  a '))).toEqual([SPACE, B, SPACE_A])
    expect(load({ normalizer: { 4: 1 } }).encode('  ')).toHaveLength(0)
  })

  it('finds pieces that a user defined where spaces are escaped', () => {
    const tokenizer = load({
      typed: [
        ['▁▁', 4],
        ['b', 4],
        ['  ', 4],
      ],
    })
    expect(Array.from(tokenizer.encode(' ab'))).toEqual([NEXT, A, NEXT + 1])
  })

  it('knows its control tokens, and what begins and ends text', () => {
    const tokenizer = load()
    expect(Array.from(tokenizer.encode('<s>a</s>'))).toEqual([1, SPACE_A, 2])
    expect(tokenizer.beginning).toBe(1)
    expect([...tokenizer.ends]).toEqual([2])
    // -1 stands for none; it is stored as 2^64 - 1.
    expect(load({ trainer: { 41: 2 ** 40, 42: 2 ** 40 } }).beginning).toBeUndefined()
  })

  it('takes tokens and roles from tokenizer_config.json', () => {
    const tokenizerConfig = {
      add_bos_token: false,
      bos_token: '<s>',
      added_tokens_decoder: {
        '263': { content: '<|im_end|>', special: true },
        '1': { content: 'other', special: true },
      },
    }
    const tokenizer = load({}, { tokenizerConfig, generationConfig: { eos_token_id: 5 } })
    expect(tokenizer.beginning).toBeUndefined()
    expect(Array.from(tokenizer.encode('<|im_end|>a'))).toEqual([NEXT, SPACE_A])
    expect([...tokenizer.ends].sort((a, b) => a - b)).toEqual([2, 5, NEXT])
    expect([...tokenizer.specialTokens]).toEqual([['bos_token', '<s>']])
  })

  it.each<[string, SentencePieceParts]>([
    ['Unigram', { trainer: { 3: 1 } }],
    ['Word', { trainer: { 3: 3 } }],
    ['at the ends of words', { trainer: { 24: 1 } }],
    ['does not escape spaces', { normalizer: { 5: 0 } }],
    ['must not be used', { typed: [['x', 5]] }],
  ])('is refused where it is of another kind: %s', (what, parts) => {
    const error = refusal(sentencePieceModel(PIECES, parts))
    expect(error.code).toBe('unsupported-tokenizer')
    expect(error.message).toContain(what)
  })

  it.each<[string, readonly number[]]>([
    ['no pieces', []],
    ['ends within a number', [0x80]],
    ['a number does not end', Array(11).fill(0x80)],
    ['ends within a field', [0x0a, 0x05, 0x00]],
    ['ends within a field', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a kind that does not exist', [0x0b]],
    ['field 1 is no message', [0x08, 0x01]],
  ])('is refused where it is broken: %s', (what, bytes) => {
    const error = refusal(Uint8Array.from(bytes))
    expect(error.code).toBe('invalid-tokenizer')
    expect(error.message).toContain(what)
  })

  it('is refused where a score is not a number', () => {
    expect(refusal(sentencePieceModel([['a', Number.NaN]])).message).toContain('not a number')
  })
})
