import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { openFile } from '../bytes/file-source.ts'
import { sharedData } from '../testing/shared-data.ts'
import { openGguf } from '../weights/gguf.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import { llama3Metadata, qwenMetadata, tokenizerData } from './test-vocabularies.ts'
import type { Tokenizer } from './tokenizer.ts'

interface Case {
  readonly text: string
  readonly ids: readonly number[]
}

const GPT_2 = tokenizerData('llama.cpp/vocab/ggml-vocab-gpt-2.gguf')
const GPT_2_JSON = tokenizerData('kitoken/tokenizers_gpt2.json')
const GPT_NEOX_JSON = tokenizerData('kitoken/tokenizers_gpt_neox.json')
const DOLMA_JSON = tokenizerData('olmo2/allenai_dolma2.tokenizer.json')
const QWEN_VOCAB = tokenizerData('qwen2/vocab.json')
const QWEN_MERGES = tokenizerData('qwen2/merges.txt')
const LLAMA_3 = tokenizerData('llama3/tokenizer.model')

const HASHES = tokenizerData('llama.cpp/pretokenizer_hashes.json')
/** A folder with qwen3/tokenizer.json and llama3/tokenizer.json, which are not in the shared data. */
const MODELS = process.env.LAJU_TEST_MODELS
if (MODELS === undefined)
  console.warn('Tests of tokenizer.json of Qwen 3 and Llama 3.1 are skipped: no LAJU_TEST_MODELS.')

const KINDS = ['small', 'mixed', 'utf8'] as const

/** Texts and ids that llama.cpp published: cases with a line between them, and a line of ids for each. */
function llamaCases(name: string): Case[] | undefined {
  const input = tokenizerData(`llama.cpp/${name}.gguf.inp`)
  const output = tokenizerData(`llama.cpp/${name}.gguf.out`)
  if (input === undefined || output === undefined) return undefined
  const lines = readFileSync(output, 'utf8').split('\n')
  return readFileSync(input, 'utf8')
    .split('\n__ggml_vocab_test__\n')
    .map((text, i) => ({ text, ids: numbers(lines[i] ?? '', ' ') }))
}

function goldenCases(name: string): Case[] | undefined {
  const path = tokenizerData(`golden/${name}.json`)
  return path === undefined ? undefined : JSON.parse(readFileSync(path, 'utf8')).cases
}

/** Kitoken's texts and ids: a case for every line that is not empty, or one for the whole file. */
function kitokenCases(kind: (typeof KINDS)[number], name: string): Case[] | undefined {
  const input = tokenizerData(`kitoken/data/${kind}_input.txt`)
  const output = tokenizerData(`kitoken/data/tokenizers/${kind}_tokens_${name}.txt`)
  if (input === undefined || output === undefined) return undefined
  const texts = readFileSync(input, 'utf8')
  const ids = readFileSync(output, 'utf8')
  if (kind === 'utf8') return [{ text: unescaped(texts), ids: numbers(ids, ',') }]
  const lines = texts.split('\n').filter((line) => line !== '')
  const expected = ids.split('\n').filter((line) => line !== '')
  return lines.map((line, i) => ({ text: unescaped(line), ids: numbers(expected[i] ?? '', ',') }))
}

function unescaped(text: string): string {
  return text.replaceAll('\\n', '\n').replaceAll('\\s', ' ').replaceAll('\\x', '')
}

function numbers(text: string, separator: string): number[] {
  return text
    .split(separator)
    .filter((part) => part.trim() !== '')
    .map(Number)
}

/** One test a set of vectors; skipped where the tokenizer or the vectors are not at hand. */
function reproduces(what: string, tokenizer: () => Tokenizer, cases: readonly Case[] | undefined, special: boolean) {
  it.skipIf(cases === undefined)(`${what}: ${cases?.length ?? 'no'} cases`, () => {
    const known = tokenizer()
    for (const { text, ids } of cases ?? []) {
      expect(Array.from(known.encode(text, { special })), JSON.stringify(text)).toEqual(ids)
    }
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

/** The text that llama.cpp knows pre-tokenizers by, and the hashes of Python's text of the list of its ids. */
function hashOf(ids: Int32Array): string {
  return createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex')
}

function publishedHashes(repository: string): { text: string; hashes: string[] } {
  const { text, entries } = JSON.parse(readFileSync(HASHES ?? '', 'utf8'))
  const rows: { hf_repo: string; sha256: string }[] = entries
  return { text, hashes: rows.filter(({ hf_repo }) => hf_repo.endsWith(repository)).map(({ sha256 }) => sha256) }
}

describe.skipIf(GPT_2 === undefined)('GPT-2 from GGUF', () => {
  let tokenizer: Tokenizer
  beforeAll(async () => {
    const file = await openFile(GPT_2 ?? '')
    const checkpoint = await openGguf(file)
    tokenizer = tokenizerFromGguf(checkpoint.metadata, 'gpt-2.gguf')
    await checkpoint.close()
  })

  reproduces('llama.cpp', () => tokenizer, llamaCases('vocab/ggml-vocab-gpt-2'), false)
  for (const kind of KINDS) reproduces(`kitoken ${kind}`, () => tokenizer, kitokenCases(kind, 'gpt2'), true)
})

describe.skipIf(GPT_2_JSON === undefined)('GPT-2 from tokenizer.json', () => {
  const tokenizer = fromJson(GPT_2_JSON)
  reproduces('llama.cpp', tokenizer, llamaCases('vocab/ggml-vocab-gpt-2'), false)
  for (const kind of KINDS) reproduces(`kitoken ${kind}`, tokenizer, kitokenCases(kind, 'gpt2'), true)
})

describe.skipIf(GPT_NEOX_JSON === undefined)('GPT-NeoX from tokenizer.json: NFC, added tokens of spaces', () => {
  const tokenizer = fromJson(GPT_NEOX_JSON)
  for (const kind of KINDS) reproduces(`kitoken ${kind}`, tokenizer, kitokenCases(kind, 'gpt_neox'), true)
})

describe.skipIf(DOLMA_JSON === undefined)(
  'OLMo 2 from tokenizer.json: a Split that removes what it does not match',
  () => {
    reproduces('golden', fromJson(DOLMA_JSON), goldenCases('olmo2-dolma2'), false)
  },
)

describe.skipIf(QWEN_VOCAB === undefined || QWEN_MERGES === undefined)('Qwen 2 and 3 from GGUF', () => {
  const tokenizer = once(() => tokenizerFromGguf(qwenMetadata(QWEN_VOCAB ?? '', QWEN_MERGES ?? ''), 'qwen3.gguf'))
  reproduces('llama.cpp', tokenizer, llamaCases('vocab/ggml-vocab-qwen2'), false)
  reproduces('golden', tokenizer, goldenCases('qwen2'), false)

  const distilled = once(() =>
    tokenizerFromGguf(qwenMetadata(QWEN_VOCAB ?? '', QWEN_MERGES ?? '', 'deepseek-r1-qwen'), 'r1.gguf'),
  )
  reproduces('llama.cpp, R1', distilled, llamaCases('vocab-old/ggml-vocab-deepseek-r1-qwen'), false)

  it.skipIf(HASHES === undefined)('the hash that llama.cpp published', () => {
    const { text, hashes } = publishedHashes('/Qwen1.5-7B')
    expect(hashes).toContain(hashOf(tokenizer().encode(text)))
  })

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
  for (const name of ['llama32', 'llama33']) {
    for (const kind of KINDS) reproduces(`kitoken ${name} ${kind}`, tokenizer, kitokenCases(kind, name), true)
  }

  it.skipIf(HASHES === undefined)('the hash that llama.cpp published', () => {
    const { text, hashes } = publishedHashes('/Meta-Llama-3-8B')
    expect(hashes).toContain(hashOf(tokenizer().encode(text, { beginning: true })))
  })

  it('begins with its bos token and knows what ends a reply', () => {
    const llama = tokenizer()
    expect(llama.beginning).toBe(128000)
    expect(Array.from(llama.encode('Hello', { beginning: true }))).toEqual([128000, 9906])
    expect([...llama.ends].sort()).toEqual([128001, 128008, 128009])
  })
})

describe.skipIf(MODELS === undefined)('tokenizer.json of Qwen 3 and Llama 3.1, where LAJU_TEST_MODELS has them', () => {
  const qwen = fromJson(`${MODELS}/qwen3/tokenizer.json`)
  reproduces('Qwen 3, llama.cpp', qwen, llamaCases('vocab/ggml-vocab-qwen2'), false)
  reproduces('Qwen 3, golden', qwen, goldenCases('qwen2'), false)
  const llama = fromJson(`${MODELS}/llama3/tokenizer.json`)
  reproduces('Llama 3.1, llama.cpp', llama, llamaCases('vocab/ggml-vocab-llama-bpe'), false)
  for (const kind of KINDS) reproduces(`Llama 3.1, kitoken ${kind}`, llama, kitokenCases(kind, 'llama33'), true)
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
