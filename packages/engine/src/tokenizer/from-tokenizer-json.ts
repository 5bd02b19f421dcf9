import { TokenizerError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import type { AddedToken } from './added-tokens.ts'
import { ByteLevelBpe } from './byte-level-bpe.ts'
import { endTokens } from './end-tokens.ts'
import {
  checkDecoder,
  listOf,
  objectOf,
  readBeginning,
  readNormalizer,
  readPreTokenizer,
  unsupported,
} from './json-pipeline.ts'
import type { Tokenizer } from './tokenizer.ts'
import { TokenizerJson } from './tokenizer-json.ts'

/** The JSON files that may lie beside tokenizer.json. */
export interface TokenizerCompanions {
  /** tokenizer_config.json: the special tokens by role, and added tokens that tokenizer.json may lack. */
  readonly tokenizerConfig?: JsonObject | undefined
  /** generation_config.json: what ends a reply. */
  readonly generationConfig?: JsonObject | undefined
}

/**
 * The tokenizer of a Hugging Face folder, from the bytes of its tokenizer.json.
 * @param name the file, for messages.
 * @throws TokenizerError when it is broken or of a kind this engine does not run.
 */
export function tokenizerFromJson(bytes: Uint8Array, name: string, companions: TokenizerCompanions = {}): Tokenizer {
  const config = companions.tokenizerConfig ?? {}
  const json = new TokenizerJson(bytes, name)
  const model = objectOf(json.rest.model)
  checkModel(model, name)
  checkDecoder(json.rest.decoder, name)
  const normalizes = readNormalizer(json.rest.normalizer, name)
  const preTokenizer = readPreTokenizer(json.rest.pre_tokenizer, name)
  const builder = json.vocabulary
  const added = readAddedTokens(json.rest, config, name)
  for (const { id, text } of added) builder.addText(id, new TextEncoder().encode(text))
  const vocabulary = builder.build()
  const controlTokens = new Map(added.filter(({ special }) => special).map(({ text, id }) => [text, id]))
  const allTokens = new Map(added.map(({ text, id }) => [text, id]))
  const special = specialTokens(config)
  const idOfRole = (role: string): number | undefined => allTokens.get(special.get(role) ?? '')
  const eos = idOfRole('eos_token')
  return new ByteLevelBpe({
    file: name,
    vocabulary,
    merges: json.readMerges(vocabulary),
    preTokenizer,
    added,
    ignoresMerges: model.ignore_merges === true,
    normalizes,
    beginning:
      beginningOf(readBeginning(json.rest.post_processor, name), allTokens, name) ??
      (config.add_bos_token === true ? idOfRole('bos_token') : undefined),
    ends: endTokens(
      [...(eos === undefined ? [] : [eos]), ...generationEnds(companions, vocabulary.size, name)],
      controlTokens,
    ),
    specialTokens: special,
  })
}

/** Byte-level BPE has a token for every byte, so that unk_token and fuse_unk mean nothing to it. */
function checkModel(model: JsonObject, name: string): void {
  // Files from before 2020 do not name the type.
  const type = model.type ?? (model.merges === undefined ? 'nothing' : 'BPE')
  if (type !== 'BPE') throw unsupported(name, 'model', String(type))
  for (const field of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout', 'byte_fallback']) {
    const value = model[field]
    if (value) throw unsupported(name, `model.${field}`, JSON.stringify(value))
  }
}

function readAddedTokens(rest: JsonObject, config: JsonObject, name: string): AddedToken[] {
  const added = listOf(rest.added_tokens).map((token) => readAddedToken(objectOf(token), name))
  const known = new Set(added.map(({ id }) => id))
  for (const [id, token] of Object.entries(objectOf(config.added_tokens_decoder))) {
    if (known.has(Number(id))) continue
    added.push(readAddedToken({ ...objectOf(token), id: Number(id) }, name))
  }
  return added
}

function readAddedToken(token: JsonObject, name: string): AddedToken {
  const { id, content } = token
  if (typeof id !== 'number' || typeof content !== 'string') {
    const message = `${name} has an added token without an id and a content: ${JSON.stringify(token)}.`
    throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'added_tokens' })
  }
  return {
    id,
    text: content,
    special: token.special === true,
    singleWord: token.single_word === true,
    leftStrip: token.lstrip === true,
    rightStrip: token.rstrip === true,
    normalized: token.normalized === true,
  }
}

/** A token of tokenizer_config.json is its text, or an object with the text in `content`. */
function specialTokens(config: JsonObject): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  for (const role of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const value = config[role]
    const text = typeof value === 'string' ? value : objectOf(value).content
    if (typeof text === 'string') result.set(role, text)
  }
  return result
}

function beginningOf(text: string | undefined, tokens: ReadonlyMap<string, number>, name: string): number | undefined {
  if (text === undefined) return undefined
  const id = tokens.get(text)
  if (id !== undefined) return id
  const message = `${name} begins texts with ${JSON.stringify(text)}, which is none of its added tokens.`
  throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'post_processor' })
}

/** `eos_token_id` of generation_config.json: one id or several. */
function generationEnds({ generationConfig }: TokenizerCompanions, size: number, name: string): number[] {
  const value: JsonValue | undefined = generationConfig?.eos_token_id
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map((id) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < size) return id
    const message = `The generation_config.json beside ${name} has the eos_token_id ${JSON.stringify(id)}, but there are ${size} tokens.`
    throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'eos_token_id' })
  })
}
