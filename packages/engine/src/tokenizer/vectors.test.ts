import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { openFile } from '../bytes/file-source.ts'
import { sharedData } from '../testing/shared-data.ts'
import type { MetadataValue } from '../weights/checkpoint.ts'
import { openGguf } from '../weights/gguf.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { tokenizerFromSentencePiece } from './from-sentencepiece.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import {
  type Case,
  goldenCases,
  hashOf,
  KINDS,
  kitokenCases,
  llamaCases,
  type Origin,
  planCases,
  publishedHashes,
} from './test-vectors.ts'
import { llama3Metadata, qwenMetadata, rankMetadata, type SmallVocabulary, tokenizerData } from './test-vocabularies.ts'
import type { Tokenizer } from './tokenizer.ts'

/**
 * Vectors of others, on real vocabularies. Those of vocabularies that are not at hand are left out: gemma (1),
 * command-r, qwen35, and bert-bge, whose WordPiece no model of this engine has.
 */

/** Folders qwen3, llama3, gemma3, gptoss and deepseek_v3 with a tokenizer.json each; not in the shared data. */
const MODELS = process.env.LAJU_TEST_MODELS
if (MODELS === undefined) console.warn('Tests of the tokenizer.json of five models are skipped: no LAJU_TEST_MODELS.')

/** One test a set of vectors; skipped where the tokenizer or the vectors are not at hand. */
function reproduces(what: string, tokenizer: () => Tokenizer, cases: readonly Case[] | undefined, special: boolean) {
  it.skipIf(cases === undefined)(`${what}: ${cases?.length ?? 'no'} cases`, () => {
    const known = tokenizer()
    for (const { text, ids } of cases ?? []) {
      expect(Array.from(known.encode(text, { special })), JSON.stringify(text)).toEqual(ids)
    }
  })
}

function reproducesKitoken(tokenizer: () => Tokenizer, origin: Origin, name: string, special = true) {
  for (const kind of KINDS) {
    reproduces(`kitoken ${name} ${kind}`, tokenizer, kitokenCases(kind, origin, name), special)
  }
}

function reproducesHash(tokenizer: () => Tokenizer, repository: string, beginning: boolean) {
  const published = publishedHashes(repository)
  it.skipIf(published === undefined)(`the hash that llama.cpp published for ${repository}`, () => {
    expect(published?.hashes).toContain(hashOf(tokenizer().encode(published?.text ?? '', { beginning })))
  })
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function fromJson(path: string | undefined): () => Tokenizer {
  return once(() => tokenizerFromJson(readFileSync(path ?? ''), path ?? ''))
}

function fromMetadata(metadata: () => Map<string, MetadataValue>): () => Tokenizer {
  return once(() => tokenizerFromGguf(metadata(), 'test.gguf'))
}

async function fromGguf(path: string | undefined): Promise<Tokenizer> {
  const file = await openFile(path ?? '')
  const checkpoint = await openGguf(file)
  const tokenizer = tokenizerFromGguf(checkpoint.metadata, path ?? '')
  await checkpoint.close()
  return tokenizer
}

describe.each([
  { name: 'gpt-2', hash: 'openai-community/gpt2', kitoken: 'gpt2' },
  { name: 'mpt', hash: 'mosaicml/mpt-7b' },
  { name: 'refact', hash: 'smallcloudai/Refact-1_6-base' },
  { name: 'starcoder' },
  { name: 'falcon', hash: 'tiiuae/falcon-7b' },
  { name: 'deepseek-llm', hash: 'deepseek-ai/deepseek-llm-7b-base', beginning: true },
  { name: 'deepseek-coder', hash: 'deepseek-ai/deepseek-coder-6.7b-base', beginning: true },
  { name: 'llama-spm', kitoken: 'llama2', golden: 'llama2-spm' },
  { name: 'phi-3' },
])('$name from GGUF', ({ name, hash, beginning = false, kitoken, golden }) => {
  const path = tokenizerData(`llama.cpp/vocab/ggml-vocab-${name}.gguf`)
  let tokenizer: Tokenizer
  beforeAll(async () => {
    if (path !== undefined) tokenizer = await fromGguf(path)
  })
  if (path === undefined) return it.skip('is not here')
  reproduces('llama.cpp', () => tokenizer, llamaCases(`vocab/ggml-vocab-${name}`), false)
  if (hash) reproducesHash(() => tokenizer, hash, beginning)
  if (kitoken) reproducesKitoken(() => tokenizer, 'tokenizers', kitoken)
  if (golden) reproduces('golden', () => tokenizer, goldenCases(golden), false)
  if (name === 'gpt-2') reproduces('gpt-tokenizer', () => tokenizer, planCases('r50k_base'), false)
})

describe.each([
  { path: 'kitoken/tokenizers_gpt2.json', kitoken: 'gpt2', llama: 'gpt-2' },
  // NFC, and added tokens of spaces.
  { path: 'kitoken/tokenizers_gpt_neox.json', kitoken: 'gpt_neox' },
  // A Split that removes what it does not match.
  { path: 'olmo2/allenai_dolma2.tokenizer.json', golden: 'olmo2-dolma2' },
  // Prepend and Replace, tokens of bytes.
  { path: 'kitoken/tokenizers_llama2.json', kitoken: 'llama2', llama: 'llama-spm', golden: 'llama2-spm' },
  // Metaspace.
  { path: 'kitoken/tokenizers_mistral01.json', kitoken: 'mistral01' },
])('$path', ({ path, kitoken, llama, golden }) => {
  const file = tokenizerData(path)
  if (file === undefined) return it.skip('is not here')
  const tokenizer = fromJson(file)
  if (llama) reproduces('llama.cpp', tokenizer, llamaCases(`vocab/ggml-vocab-${llama}`), false)
  if (kitoken) reproducesKitoken(tokenizer, 'tokenizers', kitoken)
  if (golden) reproduces('golden', tokenizer, goldenCases(golden), false)
})

describe.each([
  { path: 'tokenizers/kitoken/llama2.model', kitoken: 'llama2', golden: 'llama2-spm' },
  { path: 'tokenizers/kitoken/mistral01.model', kitoken: 'mistral01' },
  // Tokens that the user defined.
  { path: 'tokenizers/grok1/tokenizer.model', golden: 'grok1-spm' },
  // Extra spaces are left out.
  { path: 'weights/tinyllamas/tok512.model', golden: 'tinyllamas-tok512' },
])('$path', ({ path, kitoken, golden }) => {
  const file = sharedData(path)
  if (file === undefined) return it.skip('is not here')
  const tokenizer = once(() => tokenizerFromSentencePiece(readFileSync(file), file))
  if (kitoken) reproducesKitoken(tokenizer, 'sentencepiece', kitoken, false)
  if (golden) reproduces('golden', tokenizer, goldenCases(golden), false)
})

const VECTORS_OF: Readonly<Record<string, { hash: string; name: string }>> = {
  llama4: { hash: 'meta-llama/Llama-4-Scout-17B-16E-Instruct', name: 'llama4' },
  'gpt-4o': { hash: 'Xenova/gpt-4o', name: 'o200k_base' },
  dbrx: { hash: 'databricks/dbrx-base', name: 'cl100k_base' },
  'deepseek-v3': { hash: 'deepseek-ai/DeepSeek-V3', name: 'deepseek-v3' },
}

describe.each([
  { path: 'llama4/tokenizer.model', pre: 'llama4', special: ['<|begin_of_text|>'], bos: 200000 },
  { path: 'o200k/o200k_base.tiktoken', pre: 'gpt-4o', special: ['<|startoftext|>', '<|endoftext|>'] },
  { path: 'o200k/cl100k_base.tiktoken', pre: 'dbrx', special: ['<|reserved|>', '<|endoftext|>'] },
  { path: 'deepseek-v3/deepseek_base.tiktoken.gz', pre: 'deepseek-v3', special: [], bos: 0 },
])('$path as $pre', ({ path, pre, special, bos }) => {
  const file = tokenizerData(path)
  if (file === undefined) return it.skip('is not here')
  const fields: SmallVocabulary['fields'] =
    bos === undefined ? {} : { 'tokenizer.ggml.bos_token_id': bos, 'tokenizer.ggml.add_bos_token': true }
  const added = special.map((text) => [text, 3] as const)
  const tokenizer = fromMetadata(() => rankMetadata(file, pre, { added, fields }))
  const { hash, name } = VECTORS_OF[pre] ?? { hash: '', name: '' }
  reproducesHash(tokenizer, hash, bos !== undefined)
  reproduces('golden', tokenizer, goldenCases(name), false)
  reproduces('gpt-tokenizer', tokenizer, planCases(name), false)
  if (pre !== 'deepseek-v3') reproducesKitoken(tokenizer, 'tiktoken', name)
})

const QWEN_VOCAB = tokenizerData('qwen2/vocab.json')
const QWEN_MERGES = tokenizerData('qwen2/merges.txt')
const LLAMA_3 = tokenizerData('llama3/tokenizer.model')

describe.skipIf(QWEN_VOCAB === undefined || QWEN_MERGES === undefined)('Qwen 2 and 3 from GGUF', () => {
  const tokenizer = once(() => tokenizerFromGguf(qwenMetadata(QWEN_VOCAB ?? '', QWEN_MERGES ?? ''), 'qwen3.gguf'))
  reproduces('llama.cpp', tokenizer, llamaCases('vocab/ggml-vocab-qwen2'), false)
  reproduces('golden', tokenizer, goldenCases('qwen2'), false)

  const distilled = once(() =>
    tokenizerFromGguf(qwenMetadata(QWEN_VOCAB ?? '', QWEN_MERGES ?? '', 'deepseek-r1-qwen'), 'r1.gguf'),
  )
  reproduces('llama.cpp, R1', distilled, llamaCases('vocab-old/ggml-vocab-deepseek-r1-qwen'), false)

  reproducesHash(tokenizer, 'Qwen/Qwen1.5-7B', false)

  it('knows its control tokens, what ends a reply, and that text does not begin with a token', () => {
    const qwen = tokenizer()
    expect(qwen.size).toBe(151669)
    expect(qwen.beginning).toBeUndefined()
    expect([...qwen.ends].sort()).toEqual([151643, 151645])
    expect(Array.from(qwen.encode('<|im_start|>user\n<think>'))).toEqual([151644, 872, 198, 151667])
    expect(Array.from(qwen.encode('<|im_start|>', { special: false }))).toEqual([27, 91, 318, 4906, 91, 29])
    expect(qwen.decode([151644, 872, 198, 151667], { special: false })).toBe('user\n<think>')
  })
})

describe.skipIf(LLAMA_3 === undefined)('Llama 3 from GGUF', () => {
  const tokenizer = once(() => tokenizerFromGguf(llama3Metadata(LLAMA_3 ?? ''), 'llama3.gguf'))
  reproduces('llama.cpp', tokenizer, llamaCases('vocab/ggml-vocab-llama-bpe'), false)
  reproduces('golden', tokenizer, goldenCases('llama3'), false)
  for (const name of ['llama32', 'llama33']) reproducesKitoken(tokenizer, 'tokenizers', name)

  reproducesHash(tokenizer, 'meta-llama/Meta-Llama-3-8B', true)

  it('begins with its bos token and knows what ends a reply', () => {
    const llama = tokenizer()
    expect(llama.beginning).toBe(128000)
    expect(Array.from(llama.encode('Hello', { beginning: true }))).toEqual([128000, 9906])
    expect([...llama.ends].sort()).toEqual([128001, 128008, 128009])
  })
})

describe.skipIf(MODELS === undefined)('tokenizer.json where LAJU_TEST_MODELS has it', () => {
  const qwen = fromJson(`${MODELS}/qwen3/tokenizer.json`)
  reproduces('Qwen 3, llama.cpp', qwen, llamaCases('vocab/ggml-vocab-qwen2'), false)
  reproduces('Qwen 3, golden', qwen, goldenCases('qwen2'), false)
  const llama = fromJson(`${MODELS}/llama3/tokenizer.json`)
  reproduces('Llama 3.1, llama.cpp', llama, llamaCases('vocab/ggml-vocab-llama-bpe'), false)
  reproducesKitoken(llama, 'tokenizers', 'llama33')
  const gemma = fromJson(`${MODELS}/gemma3/tokenizer.json`)
  reproducesKitoken(gemma, 'tokenizers', 'gemma3')
  reproducesKitoken(gemma, 'sentencepiece', 'gemma3')
  // The vocabulary of Gemma 4 differs from that of Gemma 3, but not in what these texts need.
  reproduces('Gemma 4, llama.cpp', gemma, llamaCases('vocab/ggml-vocab-gemma-4'), false)
  const gptOss = fromJson(`${MODELS}/gptoss/tokenizer.json`)
  reproducesKitoken(gptOss, 'tokenizers', 'gpt_oss')
  reproduces('gpt-oss, golden', gptOss, goldenCases('o200k_base'), false)
  const deepSeek = fromJson(`${MODELS}/deepseek_v3/tokenizer.json`)
  reproducesKitoken(deepSeek, 'tokenizers', 'r1')
  reproduces('DeepSeek V3, golden', deepSeek, goldenCases('deepseek-v3'), false)
})

describe('the 320 tokens of the reference models', () => {
  const path = sharedData('refmodels/qwen3/qwen3.f32.gguf')
  it.skipIf(path === undefined)('load, and give text back', async () => {
    const checkpoint = await openGguf(await openFile(path ?? ''))
    const tokenizer = tokenizerFromGguf(checkpoint.metadata, 'qwen3.gguf')
    await checkpoint.close()
    expect(tokenizer.size).toBe(320)
    expect(tokenizer.decode(tokenizer.encode('Hello wörld 🦙'))).toBe('Hello wörld 🦙')
  })
})
