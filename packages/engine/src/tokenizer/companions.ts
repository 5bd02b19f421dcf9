import { TokenizerError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import type { AddedToken } from './added-tokens.ts'
import { objectOf, shown } from './json-parts.ts'

/** The JSON files that may lie beside tokenizer.json. */
export interface TokenizerCompanions {
  /** tokenizer_config.json: the special tokens by role, and added tokens that tokenizer.json may lack. */
  readonly tokenizerConfig?: JsonObject | undefined
  /** generation_config.json: what ends a reply. */
  readonly generationConfig?: JsonObject | undefined
}

/**
 * The added tokens of a tokenizer.json, and those of tokenizer_config.json with other ids.
 * @param normalize what is done to text before the tokens that are `normalized` are searched for.
 * @throws TokenizerError when one has no id or no text.
 */
export function readAddedTokens(
  tokens: readonly JsonValue[],
  config: JsonObject,
  name: string,
  normalize: (text: string) => string = (text) => text,
): AddedToken[] {
  const added = tokens.map((token) => readAddedToken(objectOf(token), name, normalize))
  const known = new Set(added.map(({ id }) => id))
  for (const [id, token] of Object.entries(objectOf(config.added_tokens_decoder))) {
    if (known.has(Number(id))) continue
    added.push(readAddedToken({ ...objectOf(token), id: Number(id) }, name, normalize))
  }
  return added
}

function readAddedToken(token: JsonObject, name: string, normalize: (text: string) => string): AddedToken {
  const { id, content } = token
  if (typeof id !== 'number' || typeof content !== 'string') {
    const message = `${name} has an added token without an id and a content (${shown(id)}, ${shown(content)}).`
    throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'added_tokens' })
  }
  return {
    id,
    text: content,
    special: token.special === true,
    singleWord: token.single_word === true,
    leftStrip: token.lstrip === true,
    rightStrip: token.rstrip === true,
    normalized: token.normalized === true ? normalize(content) : undefined,
  }
}

/** A token of tokenizer_config.json is its text, or an object with the text in `content`. */
export function specialTokens(config: JsonObject): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  for (const role of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const value = config[role]
    const text = typeof value === 'string' ? value : objectOf(value).content
    if (typeof text === 'string') result.set(role, text)
  }
  return result
}

/** `eos_token_id` of generation_config.json: one id or several. */
export function generationEnds({ generationConfig }: TokenizerCompanions, size: number, name: string): number[] {
  const value: JsonValue | undefined = generationConfig?.eos_token_id
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map((id) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < size) return id
    const message = `The generation_config.json beside ${name} has the eos_token_id ${shown(id)}, but there are ${size} tokens.`
    throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'eos_token_id' })
  })
}
