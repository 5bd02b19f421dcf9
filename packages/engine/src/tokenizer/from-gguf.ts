import { TokenizerError } from '../errors.ts'
import type { MetadataValue } from '../weights/checkpoint.ts'
import { StringArray } from '../weights/string-array.ts'
import type { AddedToken } from './added-tokens.ts'
import { BpeTokenizer } from './bpe-tokenizer.ts'
import { decodeByteAlphabet } from './byte-alphabet.ts'
import { ByteLevelWords } from './byte-level-words.ts'
import { ByteTokens, byteOfToken } from './byte-tokens.ts'
import { CharacterWords } from './character-words.ts'
import { endTokens } from './end-tokens.ts'
import { decodeEscapedSpaces } from './escaped-spaces.ts'
import { type Merges, MergesBuilder } from './merges.ts'
import { namedPreTokenizer } from './named-pre-tokenizer.ts'
import { PreTokenizer } from './pre-tokenizer.ts'
import { ranksOfScores } from './score-encoder.ts'
import type { Tokenizer } from './tokenizer.ts'
import { type DecodeToken, type Vocabulary, VocabularyBuilder } from './vocabulary.ts'

type Metadata = ReadonlyMap<string, MetadataValue>

/** `tokenizer.ggml.token_type`, as ggml numbers them. */
const TYPE_NORMAL = 1
const TYPE_UNKNOWN = 2
const TYPE_CONTROL = 3
const TYPE_USER_DEFINED = 4
const TYPE_BYTE = 6

/** How llama.cpp writes that there is no such token. */
const NO_TOKEN = 0xffffffff

/** The average token of large vocabularies is 6 bytes long. */
const BYTES_A_TOKEN = 8

/**
 * The tokenizer of a GGUF file, from its metadata (`tokenizer.ggml.*`), as llama.cpp understands it.
 * @param name the file, for messages.
 * @throws TokenizerError when it is broken or of a kind this engine does not run.
 */
export function tokenizerFromGguf(metadata: Metadata, name: string): Tokenizer {
  const model = metadata.get('tokenizer.ggml.model')
  if (model === 'gpt2') return byteLevel(metadata, name)
  if (model === 'llama') return sentencePiece(metadata, name)
  if (model === 'gemma4') return gemma4(metadata, name)
  const what = typeof model === 'string' ? `a tokenizer of the kind "${model}"` : 'no tokenizer'
  throw new TokenizerError(
    'unsupported-tokenizer',
    `${name} has ${what}; supported are "gpt2", byte-level BPE, "llama", BPE of SentencePiece, and "gemma4".`,
    { file: name, field: 'tokenizer.ggml.model' },
  )
}

function byteLevel(metadata: Metadata, name: string): Tokenizer {
  const pre = metadata.get('tokenizer.ggml.pre')
  if (typeof pre !== 'string') throw missing('tokenizer.ggml.pre', name)
  const { preTokenizer, ignoresMerges, addsBeginning } = namedPreTokenizer(pre, name)
  const { vocabulary, added } = readTokens(metadata, name, decodeByteAlphabet)
  const merges = readMerges(metadata, vocabulary, decodeByteAlphabet, name)
  return new BpeTokenizer({
    vocabulary,
    words: new ByteLevelWords(vocabulary, merges, {
      file: name,
      special: specialIds(added),
      ignoresMerges,
      unknown: undefined,
    }),
    preTokenizer,
    added,
    normalize: (text) => text,
    stripsSpace: false,
    ...roles(metadata, added, addsBeginning, name),
  })
}

/** Every piece of text between added tokens begins with a space, unless the file says otherwise. */
function sentencePiece(metadata: Metadata, name: string): Tokenizer {
  const { vocabulary, added, byteIds } = readTokens(metadata, name, decodeEscapedSpaces)
  const prefixesSpace = metadata.get('tokenizer.ggml.add_space_prefix') !== false
  return new BpeTokenizer({
    vocabulary,
    words: new CharacterWords(vocabulary, readScores(metadata, vocabulary.size, name), {
      ...characterOptions(metadata, added, vocabulary.size, name),
      byteIds,
    }),
    preTokenizer: new PreTokenizer([]),
    added,
    normalize: prefixesSpace ? (text) => ` ${text}` : (text) => text,
    stripsSpace: prefixesSpace,
    ...roles(metadata, added, true, name),
  })
}

/** Characters, as SentencePiece has them, with a list of merges. */
function gemma4(metadata: Metadata, name: string): Tokenizer {
  const { vocabulary, added, byteIds } = readTokens(metadata, name, decodeEscapedSpaces)
  const merges = readMerges(metadata, vocabulary, decodeEscapedSpaces, name)
  const { preTokenizer, addsBeginning } = namedPreTokenizer('gemma4', name)
  return new BpeTokenizer({
    vocabulary,
    words: new CharacterWords(vocabulary, merges, {
      ...characterOptions(metadata, added, vocabulary.size, name),
      byteIds,
    }),
    preTokenizer,
    added,
    normalize: (text) => text,
    stripsSpace: false,
    ...roles(metadata, added, addsBeginning, name),
  })
}

function characterOptions(metadata: Metadata, added: readonly AddedToken[], count: number, name: string) {
  const unknown = tokenId(metadata, 'tokenizer.ggml.unknown_token_id', count, name)
  return { file: name, special: specialIds(added), ignoresMerges: false, unknown, fusesUnknown: true }
}

/** What the file says about single tokens. */
function roles(metadata: Metadata, added: readonly AddedToken[], addsBeginning: boolean, name: string) {
  const tokens = strings(metadata, 'tokenizer.ggml.tokens', name)
  const idOf = (kind: string): number | undefined =>
    tokenId(metadata, `tokenizer.ggml.${kind}_token_id`, tokens.length, name)
  const beginning = idOf('bos')
  const adds = metadata.get('tokenizer.ggml.add_bos_token') ?? addsBeginning
  return {
    beginning: adds === true ? beginning : undefined,
    ends: endTokens(
      ['eos', 'eot', 'eom'].map(idOf).filter((id) => id !== undefined),
      new Map(added.filter(({ special }) => special).map(({ text, id }) => [text, id])),
    ),
    specialTokens: specialTokens(idOf, tokens),
  }
}

function specialIds(added: readonly AddedToken[]): number[] {
  return added.filter(({ special }) => special).map(({ id }) => id)
}

function readTokens(metadata: Metadata, name: string, decode: DecodeToken) {
  const tokens = strings(metadata, 'tokenizer.ggml.tokens', name)
  const types = tokenTypes(metadata, tokens.length, name)
  const builder = new VocabularyBuilder(name, BYTES_A_TOKEN * tokens.length, decode)
  const added: AddedToken[] = []
  const byteTokens = new ByteTokens()
  const isByteLevel = decode === decodeByteAlphabet
  for (let id = 0; id < tokens.length; id++) {
    const type = types?.[id] ?? TYPE_NORMAL
    const text = tokens.bytes(id)
    const special = type === TYPE_CONTROL || type === TYPE_UNKNOWN
    if (special || type === TYPE_USER_DEFINED) added.push({ id, text: tokens.at(id), special })
    const byte = type === TYPE_BYTE || (types === undefined && !isByteLevel) ? byteOfToken(tokens.at(id)) : undefined
    if (byte !== undefined && !isByteLevel) {
      byteTokens.add(byte, id)
      builder.addText(id, Uint8Array.of(byte), false)
    } else if (isByteLevel && (special || type === TYPE_USER_DEFINED)) {
      // Found in text as they are written, so they are not in the byte alphabet, even where they look like it.
      builder.addText(id, text)
    } else if (special) {
      builder.addText(id, text, false)
    } else {
      builder.addEncoded(id, text, 0, text.length)
    }
  }
  return { vocabulary: builder.build(), added, byteIds: byteTokens.ids() }
}

function readMerges(metadata: Metadata, vocabulary: Vocabulary, decode: DecodeToken, name: string): Merges {
  const builder = new MergesBuilder(vocabulary, decode, name)
  const pairs = strings(metadata, 'tokenizer.ggml.merges', name)
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs.bytes(i)
    builder.addJoined(pair, 0, pair.length)
  }
  return builder.build()
}

function readScores(metadata: Metadata, count: number, name: string): Int32Array {
  const key = 'tokenizer.ggml.scores'
  const scores = metadata.get(key)
  if (scores === undefined) throw missing(key, name)
  const ranks = scores instanceof Float32Array && scores.length === count ? ranksOfScores(scores) : undefined
  if (ranks !== undefined) return ranks
  throw new TokenizerError(
    'invalid-tokenizer',
    `${name} has ${count} tokens, but ${key} does not have one number for each.`,
    { file: name, field: key },
  )
}

function specialTokens(idOf: (kind: string) => number | undefined, tokens: StringArray): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  for (const [key, kind] of [
    ['bos_token', 'bos'],
    ['eos_token', 'eos'],
    ['pad_token', 'padding'],
    ['unk_token', 'unknown'],
  ] as const) {
    const id = idOf(kind)
    if (id !== undefined) result.set(key, tokens.at(id))
  }
  return result
}

function strings(metadata: Metadata, key: string, name: string): StringArray {
  const value = metadata.get(key)
  if (!(value instanceof StringArray) || value.length === 0) throw missing(key, name)
  return value
}

function tokenTypes(metadata: Metadata, count: number, name: string): ArrayLike<number> | undefined {
  const key = 'tokenizer.ggml.token_type'
  const types = metadata.get(key)
  if (types === undefined) return undefined
  if (!(types instanceof Int32Array || types instanceof Uint32Array) || types.length !== count) {
    throw new TokenizerError(
      'invalid-tokenizer',
      `${name} has ${count} tokens, but ${key} does not have one type for each.`,
      {
        file: name,
        field: key,
      },
    )
  }
  return types
}

function tokenId(metadata: Metadata, key: string, count: number, name: string): number | undefined {
  const id = metadata.get(key)
  if (id === undefined || id === NO_TOKEN) return undefined
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= count) {
    throw new TokenizerError(
      'invalid-tokenizer',
      `${key} of ${name} is ${String(id)}, but there are ${count} tokens.`,
      {
        file: name,
        field: key,
      },
    )
  }
  return id
}

function missing(key: string, name: string): TokenizerError {
  return new TokenizerError('invalid-tokenizer', `${name} lacks ${key}, which its tokenizer needs.`, {
    file: name,
    field: key,
    remedy: 'Convert the model again with a current converter, or download another file.',
  })
}
