import { readFileSync } from 'node:fs'
import { Tokenizer as Oracle } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import { tokenizerData } from './test-vocabularies.ts'

/**
 * Pieces that pre-tokenizers and added tokens treat differently. Not among them, since JavaScript's \s, which the
 * oracle uses, is not the White_Space of the original: U+0085 and U+FEFF.
 */
const PIECES = [
  ...['a', 'The', 'quick', ' brown', 'élan', 'naïve', 'ſ', 'Straße', 'ÅNGSTRÖM', 'e\u0301', '\u1100\u1161\u11a8'],
  ...["'s", "'RE", "'ll", "'", '’s', '1', '42', '1234', ' 2026', '½', '٣', 'Ⅷ', 'camelCase', 'HTTPServer', 'ǅ', 'ʰ'],
  ...[' ', '  ', '        ', '\t', '\n', '\r\n', '\n\n\n', ' \n ', '\u00a0', '\u2003', '\u3000', '\u200b', '\u2028'],
  ...['.', '...', '!?', '::', '->', '/*', '€', '_', '\\', '"', '<|', '|>', '<|endoftext|>', '<think>', '//\n', '.foo'],
  ...['你好', 'こんにちは', 'привет', 'שלום', 'नमस्ते', '👍', '👩‍👩‍👧', '🇫🇮', '𝔘𝔫𝔦', '\ufffd', '\u0000', '\u007f'],
  ...['▁', '▁▁', ' ▁ ', '</', '> </', '<s>', '<bos>', '<start_of_turn>', '<0x41>', '<unk>', '<｜User｜>', '<table>'],
]

/** Chosen pieces, with any characters between them. */
const TEXTS = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 24 }).map((pieces) => pieces.join('')),
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 12 })
    .map((pieces) => pieces.join('').replace(/[\u0085\ufeff]/g, '')),
)

function compare(path: string | undefined, runs: number): void {
  const bytes = readFileSync(path ?? '')
  const oracle = new Oracle(JSON.parse(bytes.toString()), {})
  const own = tokenizerFromJson(bytes, path ?? '')
  fc.assert(
    fc.property(TEXTS, (text) => {
      const ids = Array.from(own.encode(text))
      expect(ids).toEqual(oracle.encode(text, { add_special_tokens: false }).ids)
      // The oracle takes no empty list.
      if (ids.length === 0) return
      const decoded = oracle.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false })
      expect(own.decode(ids)).toBe(decoded)
    }),
    { numRuns: runs },
  )
}

describe('encode and decode as the tokenizers of Hugging Face', () => {
  const gpt2 = tokenizerData('kitoken/tokenizers_gpt2.json')
  it.skipIf(gpt2 === undefined)('GPT-2', () => compare(gpt2, 3000))

  const dolma = tokenizerData('olmo2/allenai_dolma2.tokenizer.json')
  it.skipIf(dolma === undefined)('OLMo 2, with the pattern of Llama 3', () => compare(dolma, 1000))

  const neox = tokenizerData('kitoken/tokenizers_gpt_neox.json')
  it.skipIf(neox === undefined)('GPT-NeoX, with NFC and added tokens of spaces', () => compare(neox, 1000))

  const olmo = tokenizerData('gpt-neox-olmo/allenai_gpt-neox-20b-pii-special.tokenizer.json')
  it.skipIf(olmo === undefined)('OLMo 1', () => compare(olmo, 1000))

  const llama2 = tokenizerData('kitoken/tokenizers_llama2.json')
  it.skipIf(llama2 === undefined)('Llama 2, with tokens of bytes', () => compare(llama2, 3000))

  const mistral = tokenizerData('kitoken/tokenizers_mistral01.json')
  it.skipIf(mistral === undefined)('Mistral 0.1, with Metaspace', () => compare(mistral, 3000))
})

const MODELS = process.env.LAJU_TEST_MODELS
describe.skipIf(MODELS === undefined)('the same, on the tokenizer.json of five models', () => {
  it.each(['qwen3', 'llama3', 'gemma3', 'gptoss', 'deepseek_v3'])('%s', { timeout: 600_000 }, (name) => {
    compare(`${MODELS}/${name}/tokenizer.json`, 10_000)
  })
})
