import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sharedData } from '../testing/shared-data.ts'
import type { JsonObject, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import type { GgufField } from '../weights/gguf-fields.ts'
import { StringArray } from '../weights/string-array.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { namedPreTokenizer, PRE_TOKENIZER_NAMES } from './named-pre-tokenizer.ts'
import { PreTokenizer } from './pre-tokenizer.ts'
import { preTokenizerName } from './pre-tokenizer-name.ts'
import { inByteAlphabet } from './test-vocabularies.ts'
import { tokenizerToGguf } from './to-gguf.ts'
import { tokenizerOf } from './tokenizer-of.ts'

function checkpointWith(parts: Partial<SafetensorsCheckpoint>): SafetensorsCheckpoint {
  return {
    format: 'safetensors',
    name: 'folder',
    config: {},
    generationConfig: undefined,
    tokenizer: undefined,
    sentencePiece: undefined,
    tokenizerConfig: undefined,
    chatTemplate: undefined,
    tensors: new Map(),
    close: async () => {},
    ...parts,
  }
}

const bytesOf = (json: JsonObject) => new TextEncoder().encode(JSON.stringify(json))

const plain = (fields: ReadonlyMap<string, GgufField>) =>
  Object.fromEntries(
    [...fields].map(([key, { value }]) => [
      key.replace('tokenizer.ggml.', ''),
      value instanceof StringArray ? [...value] : ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value,
    ]),
  )

describe('preTokenizerName', () => {
  it.each(PRE_TOKENIZER_NAMES)('finds %s by what it does', (name) => {
    const { preTokenizer, ignoresMerges } = namedPreTokenizer(name, 'test')
    expect(preTokenizerName(preTokenizer, ignoresMerges)).toBe(name)
  })

  it('has no name for another', () => {
    const split = { pattern: /[aeiou]/gu, behavior: 'Isolated', inverted: false } as const
    expect(preTokenizerName(new PreTokenizer([split]), false)).toBeUndefined()
  })
})

describe('tokenizerToGguf', () => {
  const BYTES = Array.from({ length: 256 }, (_, byte) => inByteAlphabet([byte]))
  const BYTE_LEVEL = {
    added_tokens: [
      { id: 257, content: '<|end|>', special: true },
      { id: 258, content: '<think>', special: false },
    ],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...BYTES, 'ab'].map((text, id) => [text, id])),
      merges: [['a', 'b']],
    },
  }

  it('writes byte-level BPE, with a place for every row of the table', () => {
    const tokenizer = bytesOf(BYTE_LEVEL)
    const tokenizerConfig = { eos_token: '<|end|>', pad_token: { content: '<|end|>' } }
    expect(plain(tokenizerToGguf(checkpointWith({ tokenizer, tokenizerConfig }), 261))).toEqual({
      model: 'gpt2',
      pre: 'gpt-2',
      tokens: [...BYTES, 'ab', '<|end|>', '<think>', '[PAD259]', '[PAD260]'],
      token_type: [...BYTES.map(() => 1), 1, 3, 4, 5, 5],
      merges: ['a b'],
      eos_token_id: 257,
      padding_token_id: 257,
      add_bos_token: false,
      add_space_prefix: false,
    })
  })

  it('gives what merges make the score of its first merge', () => {
    const vocab = { '<unk>': 0, '<s>': 1, '</s>': 2, a: 3, b: 4, '▁': 5, ab: 6, '▁a': 7, '▁ab': 8 }
    const merges = ['a b', '▁ a', '▁a b', '▁ ab']
    const tokenizer = bytesOf({
      added_tokens: [0, 1, 2].map((id) => ({ id, content: Object.keys(vocab)[id], special: true })),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: { type: 'BPE', unk_token: '<unk>', fuse_unk: true, vocab, merges },
    })
    const tokenizerConfig = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' }
    const fields = plain(tokenizerToGguf(checkpointWith({ tokenizer, tokenizerConfig }), 9))
    expect(fields).toMatchObject({
      model: 'llama',
      token_type: [2, 3, 3, 1, 1, 1, 1, 1, 1],
      scores: [-1e9, -1e9, -1e9, -1e9, -1e9, -1e9, -0, -1, -2],
      bos_token_id: 1,
      eos_token_id: 2,
      unknown_token_id: 0,
      add_bos_token: true,
      add_space_prefix: true,
    })
  })

  it('refuses what GGUF has no words for', () => {
    const split = { type: 'Split', pattern: { Regex: '[aeiou]' }, behavior: 'Isolated', invert: false }
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }
    const pre_tokenizer = { type: 'Sequence', pretokenizers: [split, byteLevel] }
    const tokenizer = bytesOf({ ...BYTE_LEVEL, pre_tokenizer })
    expect(() => tokenizerToGguf(checkpointWith({ tokenizer }), 261)).toThrow(
      expect.objectContaining({ code: 'unsupported-tokenizer', field: 'pre_tokenizer' }),
    )
  })

  it('refuses tables of more rows than any model has', () => {
    const checkpoint = checkpointWith({ tokenizer: bytesOf(BYTE_LEVEL) })
    expect(() => tokenizerToGguf(checkpoint, 2 ** 24)).toThrow(expect.objectContaining({ field: 'vocab_size' }))
  })

  it('refuses tokens that the table has no rows for', () => {
    const checkpoint = checkpointWith({ tokenizer: bytesOf(BYTE_LEVEL) })
    expect(() => tokenizerToGguf(checkpoint, 258)).toThrow(
      expect.objectContaining({ code: 'invalid-tokenizer', message: expect.stringContaining('id 258') }),
    )
  })

  const TEXT =
    'The quick brown fox (2026) jumped over 12345 lazy dogs — naïve, 中文字符 and 한국어!  \n\n\tdef f(x): return x'
  const kinds = [
    ['kitoken/tokenizers_gpt2.json', 'tokenizer', 50_257, 'gpt-2'],
    ['kitoken/tokenizers_gpt_neox.json', 'tokenizer', 50_432, 'gpt-2'],
    ['olmo2/allenai_dolma2.tokenizer.json', 'tokenizer', 100_352, 'dbrx'],
    ['kitoken/tokenizers_llama2.json', 'tokenizer', 32_000, 'default'],
    ['kitoken/tokenizers_mistral01.json', 'tokenizer', 32_000, 'default'],
    ['kitoken/llama2.model', 'sentencePiece', 32_000, 'default'],
    ['kitoken/mistral01.model', 'sentencePiece', 32_000, 'default'],
  ] as const

  it.each(kinds)('%s says the same as GGUF', (file, part, rows, pre) => {
    const path = sharedData(`tokenizers/${file}`)
    if (path === undefined) return
    const checkpoint = checkpointWith({ [part]: new Uint8Array(readFileSync(path)) })
    const fields = tokenizerToGguf(checkpoint, rows)
    expect(fields.get('tokenizer.ggml.pre')?.value).toBe(pre)
    const written = tokenizerFromGguf(new Map([...fields].map(([key, { value }]) => [key, value])), file)
    const original = tokenizerOf(checkpoint)
    expect([...written.encode(TEXT, { beginning: true })]).toEqual([...original.encode(TEXT, { beginning: true })])
    expect(written.ends).toEqual(original.ends)
    const scores = fields.get('tokenizer.ggml.scores')?.value
    if (part === 'tokenizer' && scores instanceof Float32Array) expect(new Set(scores).size).toBeGreaterThan(10_000)
  })
})
