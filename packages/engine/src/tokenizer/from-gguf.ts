import { TokenizerError } from '../errors.ts'
import type { MetadataValue } from '../weights/checkpoint.ts'
import { StringArray } from '../weights/string-array.ts'
import type { AddedToken } from './added-tokens.ts'
import { ByteLevelBpe } from './byte-level-bpe.ts'
import { endTokens } from './end-tokens.ts'
import { MergesBuilder } from './merges.ts'
import { namedPreTokenizer } from './pre-tokenizer.ts'
import type { Tokenizer } from './tokenizer.ts'
import { VocabularyBuilder } from './vocabulary.ts'

type Metadata = ReadonlyMap<string, MetadataValue>

/** `tokenizer.ggml.token_type`, as ggml numbers them. */
const TYPE_NORMAL = 1
const TYPE_UNKNOWN = 2
const TYPE_CONTROL = 3
const TYPE_USER_DEFINED = 4

/** The average token of large vocabularies is 6 bytes long. */
const BYTES_A_TOKEN = 8

/**
 * The tokenizer of a GGUF file, from its metadata (`tokenizer.ggml.*`).
 * @param name the file, for messages.
 * @throws TokenizerError when it is broken or of a kind this engine does not run.
 */
export function tokenizerFromGguf(metadata: Metadata, name: string): Tokenizer {
  const model = metadata.get('tokenizer.ggml.model')
  if (model !== 'gpt2') {
    const what = typeof model === 'string' ? `a tokenizer of the kind "${model}"` : 'no tokenizer'
    throw new TokenizerError(
      'unsupported-tokenizer',
      `${name} has ${what}; only "gpt2", byte-level BPE, is supported.`,
      {
        file: name,
        field: 'tokenizer.ggml.model',
      },
    )
  }
  const pre = metadata.get('tokenizer.ggml.pre')
  if (typeof pre !== 'string') throw missing('tokenizer.ggml.pre', name)
  const named = namedPreTokenizer(pre, name)
  const tokens = strings(metadata, 'tokenizer.ggml.tokens', name)
  const types = tokenTypes(metadata, tokens.length, name)
  const { vocabulary, added } = readTokens(tokens, types, name)
  const merges = new MergesBuilder(vocabulary, name)
  const pairs = strings(metadata, 'tokenizer.ggml.merges', name)
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs.bytes(i)
    merges.addJoined(pair, 0, pair.length)
  }
  const idOf = (kind: string): number | undefined =>
    tokenId(metadata, `tokenizer.ggml.${kind}_token_id`, tokens.length, name)
  const beginning = idOf('bos')
  const adds = metadata.get('tokenizer.ggml.add_bos_token') ?? named.addsBeginning
  return new ByteLevelBpe({
    file: name,
    vocabulary,
    merges: merges.build(),
    preTokenizer: named.preTokenizer,
    added,
    ignoresMerges: named.ignoresMerges,
    normalizes: false,
    beginning: adds === true ? beginning : undefined,
    ends: endTokens(
      ['eos', 'eot', 'eom'].map(idOf).filter((id) => id !== undefined),
      new Map(added.filter(({ special }) => special).map(({ text, id }) => [text, id])),
    ),
    specialTokens: specialTokens(idOf, tokens),
  })
}

function readTokens(tokens: StringArray, types: ArrayLike<number> | undefined, name: string) {
  const builder = new VocabularyBuilder(name, BYTES_A_TOKEN * tokens.length)
  const added: AddedToken[] = []
  for (let id = 0; id < tokens.length; id++) {
    const type = types?.[id] ?? TYPE_NORMAL
    const bytes = tokens.bytes(id)
    if (type === TYPE_CONTROL || type === TYPE_UNKNOWN || type === TYPE_USER_DEFINED) {
      // Found in text as they are written, so they are not in the byte alphabet, even where they look like it.
      builder.addText(id, bytes)
      added.push({ id, text: tokens.at(id), special: type !== TYPE_USER_DEFINED })
    } else {
      builder.addEncoded(id, bytes, 0, bytes.length)
    }
  }
  return { vocabulary: builder.build(), added }
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
  if (id === undefined) return undefined
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
  return new TokenizerError('invalid-tokenizer', `${name} lacks ${key}, which a byte-level BPE tokenizer needs.`, {
    file: name,
    field: key,
    remedy: 'Convert the model again with a current converter, or download another file.',
  })
}
