import { TokenizerError } from '../errors.ts'
import type { JsonObject, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import { type GgufField, uint32 } from '../weights/gguf-fields.ts'
import { parseJsonObject } from '../weights/json.ts'
import { StringArray } from '../weights/string-array.ts'
import { byteOfToken } from './byte-tokens.ts'
import { readAddedTokens } from './companions.ts'
import { ESCAPED_SPACE } from './escaped-spaces.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { readSentencePiece } from './from-sentencepiece.ts'
import { listOf, objectOf } from './json-parts.ts'
import { readPreTokenizer } from './json-pre-tokenizer.ts'
import { PROBES, preTokenizerName } from './pre-tokenizer-name.ts'
import type { Tokenizer } from './tokenizer.ts'
import { tokenizerOf } from './tokenizer-of.ts'

/** `tokenizer.ggml.token_type`, as ggml numbers them. */
const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 }

/** The score of what no merge makes, such as added tokens: below that of all merges. */
const NO_SCORE = -1e9

/** The largest tables have 262,144 rows; every one is a string here. */
const MOST_ROWS = 2 ** 22

/** What the file has for every id of the model's table. */
interface Tokens {
  readonly texts: string[]
  readonly types: Int32Array
}

/**
 * The tokenizer of a Hugging Face folder as metadata of a GGUF file (`tokenizer.ggml.*`): byte-level BPE as "gpt2", BPE
 * of characters, whether from tokenizer.json or tokenizer.model, as "llama" with scores. The table is as long as the
 * model's: places without a token are named [PADn] and unused. Before it is given out, what was written is read back and
 * compared on texts of many kinds.
 * @param vocabulary rows of the model's table
 * @throws TokenizerError `unsupported-tokenizer` where GGUF cannot say what the tokenizer does, `invalid-tokenizer`
 */
export function tokenizerToGguf(checkpoint: SafetensorsCheckpoint, vocabulary: number): Map<string, GgufField> {
  const { name, tokenizer: json, sentencePiece } = checkpoint
  if (vocabulary > MOST_ROWS) throw notInGguf(name, 'vocab_size')
  const original = tokenizerOf(checkpoint)
  const own = json
    ? fromJson(json, checkpoint, vocabulary)
    : fromPieces(sentencePiece ?? new Uint8Array(), checkpoint, vocabulary)
  const fields = new Map([...own, ...roles(original)])
  checkAgainst(original, fields, name)
  return fields
}

function fromJson(bytes: Uint8Array, checkpoint: SafetensorsCheckpoint, vocabulary: number): Map<string, GgufField> {
  const file = `${checkpoint.name}/tokenizer.json`
  const json = parseJsonObject(bytes, checkpoint.name, 'tokenizer.json')
  const model = objectOf(json.model)
  const { preTokenizer, isByteLevel } = readPreTokenizer(json.pre_tokenizer, file)
  const tokens = emptyTokens(vocabulary)
  for (const [text, id] of Object.entries(objectOf(model.vocab))) {
    const isByte = !isByteLevel && model.byte_fallback === true && byteOfToken(text) !== undefined
    const type = isByte ? TYPE.byte : text === model.unk_token ? TYPE.unknown : TYPE.normal
    put(tokens, Number(id), text, type, file)
  }
  for (const { id, text, special } of readAddedTokens(listOf(json.added_tokens), config(checkpoint), file)) {
    if (tokens.types[id] === TYPE.unknown) continue
    const shown = special || isByteLevel ? text : text.replaceAll(ESCAPED_SPACE, ' ')
    put(tokens, id, shown, special ? TYPE.control : TYPE.userDefined, file)
  }
  const merges = listOf(model.merges).map((merge) => (Array.isArray(merge) ? merge.join(' ') : String(merge)))
  if (!isByteLevel) return spaceFields(tokens, scoresOf(tokens, merges))
  const pre = preTokenizerName(preTokenizer, model.ignore_merges === true)
  if (pre === undefined) throw notInGguf(checkpoint.name, 'pre_tokenizer')
  return new Map<string, GgufField>([
    ['tokenizer.ggml.model', { value: 'gpt2' }],
    ['tokenizer.ggml.pre', { value: pre }],
    ...listFields(tokens),
    ['tokenizer.ggml.merges', { value: StringArray.from(merges) }],
  ])
}

function fromPieces(bytes: Uint8Array, checkpoint: SafetensorsCheckpoint, vocabulary: number): Map<string, GgufField> {
  const file = `${checkpoint.name}/tokenizer.model`
  const { pieces } = readSentencePiece(bytes, file)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const tokens = emptyTokens(vocabulary)
  const scores = new Float32Array(vocabulary).fill(NO_SCORE)
  for (let id = 0; id < pieces.count; id++) {
    const written = decoder.decode(pieces.textOf(id))
    const type = pieces.types[id]
    // SentencePiece numbers its types as ggml does.
    put(tokens, id, type === TYPE.userDefined ? written.replaceAll(ESCAPED_SPACE, ' ') : written, type, file)
    scores[id] = pieces.scores[id]
  }
  for (const { id, text, special } of readAddedTokens([], config(checkpoint), file)) {
    if (id >= pieces.count) put(tokens, id, text, special ? TYPE.control : TYPE.userDefined, file)
  }
  return spaceFields(tokens, scores)
}

function config({ tokenizerConfig }: SafetensorsCheckpoint): JsonObject {
  return tokenizerConfig ?? {}
}

function emptyTokens(vocabulary: number): Tokens {
  return {
    texts: Array.from({ length: vocabulary }, (_, id) => `[PAD${id}]`),
    types: new Int32Array(vocabulary).fill(TYPE.unused),
  }
}

function put({ texts, types }: Tokens, id: number, text: string, type: number, file: string): void {
  if (!(Number.isInteger(id) && id >= 0 && id < texts.length)) {
    const message = `${file} has a token with the id ${id}, but the model's table has ${texts.length} rows.`
    throw new TokenizerError('invalid-tokenizer', message, { file, remedy: 'The two are not of the same model.' })
  }
  texts[id] = text
  types[id] = type
}

/**
 * A merge is worth more the earlier it stands in the list, and what it makes has one score however it is made: that of
 * its first merge. Lists made from a SentencePiece model are sorted by its scores, so this gives their order back.
 */
function scoresOf({ texts }: Tokens, merges: readonly string[]): Float32Array {
  const scores = new Map<string, number>()
  merges.forEach((merge, rank) => {
    const made = merge.replace(' ', '')
    if (!scores.has(made)) scores.set(made, -rank)
  })
  return Float32Array.from(texts, (text) => scores.get(text) ?? NO_SCORE)
}

function spaceFields(tokens: Tokens, scores: Float32Array): Map<string, GgufField> {
  return new Map<string, GgufField>([
    ['tokenizer.ggml.model', { value: 'llama' }],
    ['tokenizer.ggml.pre', { value: 'default' }],
    ...listFields(tokens),
    ['tokenizer.ggml.scores', { value: scores }],
  ])
}

function listFields({ texts, types }: Tokens): [string, GgufField][] {
  return [
    ['tokenizer.ggml.tokens', { value: StringArray.from(texts) }],
    ['tokenizer.ggml.token_type', { value: types }],
  ]
}

/** What single tokens are for. Programs find further ends of a reply by their texts, as `ends` does. */
function roles(tokenizer: Tokenizer): Map<string, GgufField> {
  const { specialTokens, beginning, stripsSpace, ends } = tokenizer
  const idOf = (role: string) => tokenizer.idOf(specialTokens.get(role) ?? '')
  const fields = new Map<string, GgufField>()
  for (const [key, id] of [
    ['bos', beginning ?? idOf('bos_token')],
    ['eos', idOf('eos_token') ?? [...ends][0]],
    ['unknown', idOf('unk_token')],
    ['padding', idOf('pad_token')],
  ] as const) {
    if (id !== undefined) fields.set(`tokenizer.ggml.${key}_token_id`, uint32(id))
  }
  fields.set('tokenizer.ggml.add_bos_token', { value: beginning !== undefined })
  fields.set('tokenizer.ggml.add_space_prefix', { value: stripsSpace })
  return fields
}

/** Reads back what was written. Composed characters only: GGUF knows no normalisation. */
function checkAgainst(original: Tokenizer, fields: ReadonlyMap<string, GgufField>, name: string): void {
  const written = tokenizerFromGguf(new Map([...fields].map(([key, { value }]) => [key, value])), name)
  for (const probe of PROBES) {
    const text = probe.normalize('NFC')
    if (original.encode(text).join() !== written.encode(text).join()) throw notInGguf(name, 'tokenizer')
  }
}

function notInGguf(name: string, field: string): TokenizerError {
  const message = `The tokenizer of ${name} (${field}) is of a kind that cannot be written to GGUF.`
  return new TokenizerError('unsupported-tokenizer', message, {
    file: name,
    field,
    remedy: 'Run the folder as it is: `laju run FOLDER` reads its tokenizer.',
  })
}
