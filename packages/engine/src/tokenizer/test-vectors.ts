import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { tokenizerData } from './test-vocabularies.ts'

/** A text, and its tokens according to someone else. */
export interface Case {
  readonly text: string
  readonly ids: readonly number[]
}

export const KINDS = ['small', 'mixed', 'utf8'] as const

/** Texts and ids that llama.cpp published: cases with a line between them, and a line of ids for each. */
export function llamaCases(name: string): Case[] | undefined {
  const input = tokenizerData(`llama.cpp/${name}.gguf.inp`)
  const output = tokenizerData(`llama.cpp/${name}.gguf.out`)
  if (input === undefined || output === undefined) return undefined
  const lines = readFileSync(output, 'utf8').split('\n')
  return readFileSync(input, 'utf8')
    .split('\n__ggml_vocab_test__\n')
    .map((text, i) => ({ text, ids: numbers(lines[i] ?? '', ' ') }))
}

export function goldenCases(name: string): Case[] | undefined {
  const path = tokenizerData(`golden/${name}.json`)
  return path === undefined ? undefined : JSON.parse(readFileSync(path, 'utf8')).cases
}

/** Texts and ids of gpt-tokenizer, from tiktoken; none for other vocabularies than OpenAI's. */
export function planCases(name: string): Case[] | undefined {
  const path = tokenizerData('o200k/TestPlans.txt')
  if (path === undefined) return undefined
  const plans = readFileSync(path, 'utf8').matchAll(/^EncodingName: (.*)\nSample: ([\s\S]*?)\nEncoded: (.*)$/gm)
  const cases = Array.from(plans, ([, encoding, text = '', ids = '']) => ({ encoding, text, ids: JSON.parse(ids) }))
  const own = cases.filter(({ encoding }) => encoding === name)
  return own.length === 0 ? undefined : own
}

/** Whose ids kitoken stored: those of Google's SentencePiece, Hugging Face's tokenizers, or tiktoken. */
export type Origin = 'sentencepiece' | 'tokenizers' | 'tiktoken'

/** Kitoken's texts and ids: a case for every line that is not empty, or one for the whole file. */
export function kitokenCases(kind: (typeof KINDS)[number], origin: Origin, name: string): Case[] | undefined {
  const input = tokenizerData(`kitoken/data/${kind}_input.txt`)
  const output = tokenizerData(`kitoken/data/${origin}/${kind}_tokens_${name}.txt`)
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

/**
 * The text that llama.cpp knows pre-tokenizers by, and the hashes it published for a model: of Python's text of the list
 * of ids that Hugging Face's tokenizer of that model gives.
 */
export function publishedHashes(repository: string): { text: string; hashes: string[] } | undefined {
  const path = tokenizerData('llama.cpp/pretokenizer_hashes.json')
  if (path === undefined) return undefined
  const { text, entries } = JSON.parse(readFileSync(path, 'utf8'))
  const rows: { hf_repo: string; sha256: string }[] = entries
  return { text, hashes: rows.filter(({ hf_repo }) => hf_repo.endsWith(repository)).map(({ sha256 }) => sha256) }
}

export function hashOf(ids: Int32Array): string {
  return createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex')
}
