import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { sharedData } from '../testing/shared-data.ts'
import type { MetadataValue } from '../weights/checkpoint.ts'
import { StringArray } from '../weights/string-array.ts'
import { CODE_OF_BYTE } from './byte-alphabet.ts'

/** The path of a file of the shared tokenizer data, or `undefined`, with a message, where this machine lacks it. */
export function tokenizerData(path: string): string | undefined {
  return sharedData(`tokenizers/${path}`)
}

/** Bytes as byte-level vocabularies write them. */
export function inByteAlphabet(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => String.fromCharCode(CODE_OF_BYTE[byte] ?? 0)).join('')
}

/** What a small hand-made tokenizer consists of. */
export interface SmallVocabulary {
  /** Tokens after the 256 bytes, in the byte alphabet. */
  readonly tokens?: readonly string[]
  /** "a b" */
  readonly merges?: readonly string[]
  /** Text and `tokenizer.ggml.token_type` of tokens after those. */
  readonly added?: readonly (readonly [text: string, type: number])[]
  readonly fields?: Readonly<Record<string, MetadataValue>>
}

/** GGUF metadata of a tokenizer whose tokens 0 to 255 are the bytes. */
export function smallMetadata({ tokens = [], merges = ['Ġ Ġ'], added = [], fields = {} }: SmallVocabulary = {}) {
  const bytes = Array.from({ length: 256 }, (_, byte) => inByteAlphabet([byte]))
  const ordinary = [...bytes, 'ĠĠ', ...tokens]
  return ggufMetadata('gpt-2', ordinary, merges, added, fields)
}

function ggufMetadata(
  pre: string,
  ordinary: readonly string[],
  merges: readonly string[],
  added: SmallVocabulary['added'] = [],
  fields: SmallVocabulary['fields'] = {},
): Map<string, MetadataValue> {
  return new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', pre],
    ['tokenizer.ggml.tokens', StringArray.from([...ordinary, ...added.map(([text]) => text)])],
    ['tokenizer.ggml.token_type', Int32Array.from([...ordinary.map(() => 1), ...added.map(([, type]) => type)])],
    ['tokenizer.ggml.merges', StringArray.from(merges)],
    ...Object.entries(fields),
  ])
}

/**
 * GGUF metadata of a SentencePiece tokenizer: <unk>, <s>, </s>, the 256 bytes (ids 3 to 258) and these tokens (from 259
 * on), of which the first has the highest score.
 */
export function spaceMetadata(
  tokens: readonly string[],
  fields: SmallVocabulary['fields'] = {},
): Map<string, MetadataValue> {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const all = ['<unk>', '<s>', '</s>', ...bytes, ...tokens]
  return new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', StringArray.from(all)],
    ['tokenizer.ggml.scores', Float32Array.from(all, (_, id) => -id)],
    ['tokenizer.ggml.token_type', Int32Array.from([2, 3, 3, ...bytes.map(() => 6), ...tokens.map(() => 1)])],
    ['tokenizer.ggml.unknown_token_id', 0],
    ['tokenizer.ggml.bos_token_id', 1],
    ['tokenizer.ggml.eos_token_id', 2],
    ...Object.entries(fields),
  ])
}

/** The control and user-defined tokens of Qwen3, from the id 151643 on. */
const QWEN_3_ADDED: SmallVocabulary['added'] = [
  ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>'].map(control),
  ...['<|box_start|>', '<|box_end|>', '<|quad_start|>', '<|quad_end|>', '<|vision_start|>', '<|vision_end|>'].map(
    control,
  ),
  ...['<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'].map(control),
  ...['<tool_call>', '</tool_call>', '<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>', '<|fim_pad|>'].map(user),
  ...['<|repo_name|>', '<|file_sep|>', '<tool_response>', '</tool_response>', '<think>', '</think>'].map(user),
]

function control(text: string): readonly [string, number] {
  return [text, 3]
}

function user(text: string): readonly [string, number] {
  return [text, 4]
}

/** The vocabulary of Qwen 2, 2.5 and 3 as a GGUF file has it, from its vocab.json and merges.txt. */
export function qwenMetadata(vocab: string, merges: string, pre = 'qwen2'): Map<string, MetadataValue> {
  const ids: Record<string, number> = JSON.parse(readFileSync(vocab, 'utf8'))
  const ordinary = Object.keys(ids).sort((a, b) => (ids[a] ?? 0) - (ids[b] ?? 0))
  const lines = readFileSync(merges, 'utf8').split(/\r?\n/)
  const pairs = lines.filter((line) => line !== '' && !line.startsWith('#version'))
  return ggufMetadata(pre, ordinary, pairs, QWEN_3_ADDED, {
    'tokenizer.ggml.eos_token_id': 151645,
    'tokenizer.ggml.padding_token_id': 151643,
    'tokenizer.ggml.bos_token_id': 151643,
    'tokenizer.ggml.add_bos_token': false,
  })
}

/** Tokens by id, as bytes in latin1: "base64 id" a line, as tiktoken has them. Ids that no line has are undefined. */
function readRanks(path: string): (string | undefined)[] {
  const file = readFileSync(path)
  const lines = (path.endsWith('.gz') ? gunzipSync(file) : file).toString('latin1').trim().split('\n')
  const tokens: (string | undefined)[] = []
  for (const line of lines) {
    const [token = '', rank] = line.split(' ')
    tokens[Number(rank)] = Buffer.from(token, 'base64').toString('latin1')
  }
  return tokens
}

/**
 * A vocabulary as a GGUF file has it, from ranks. Ranks have no merges; as usual, they are all ways to make a token of
 * two, by the rank of the token and then of its left and right half.
 */
export function rankMetadata(
  path: string,
  pre: string,
  { added = [], fields = {} }: SmallVocabulary = {},
): Map<string, MetadataValue> {
  const tokens = readRanks(path)
  const ranks = new Map(tokens.map((token, rank) => [token, rank]))
  const names = Array.from(tokens, (token, i) =>
    token === undefined ? `[unused ${i}]` : inByteAlphabet(Buffer.from(token, 'latin1')),
  )
  const merges = tokens.flatMap((token = '') => {
    const pairs: [number, number][] = []
    for (let i = 1; i < token.length; i++) {
      const left = ranks.get(token.slice(0, i))
      const right = ranks.get(token.slice(i))
      if (left !== undefined && right !== undefined) pairs.push([left, right])
    }
    pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    return pairs.map(([left, right]) => `${names[left]} ${names[right]}`)
  })
  return ggufMetadata(pre, names, merges, added, fields)
}

/** The vocabulary of Llama 3 as a GGUF file has it, from its ranks. */
export function llama3Metadata(path: string): Map<string, MetadataValue> {
  const named = new Map([
    [0, '<|begin_of_text|>'],
    [1, '<|end_of_text|>'],
    [6, '<|start_header_id|>'],
    [7, '<|end_header_id|>'],
    [8, '<|eom_id|>'],
    [9, '<|eot_id|>'],
    [10, '<|python_tag|>'],
  ])
  const added = Array.from({ length: 256 }, (_, i) => control(named.get(i) ?? `<|reserved_special_token_${i}|>`))
  const fields = { 'tokenizer.ggml.eos_token_id': 128009, 'tokenizer.ggml.bos_token_id': 128000 }
  return rankMetadata(path, 'llama-bpe', { added, fields })
}
