import { TokenizerError } from '../errors.ts'
import type { JsonObject } from '../weights/checkpoint.ts'
import type { AddedToken } from './added-tokens.ts'
import { BpeTokenizer } from './bpe-tokenizer.ts'
import { decodeByteAlphabet } from './byte-alphabet.ts'
import { ByteLevelWords } from './byte-level-words.ts'
import { ByteTokens } from './byte-tokens.ts'
import { CharacterWords } from './character-words.ts'
import { generationEnds, readAddedTokens, specialTokens, type TokenizerCompanions } from './companions.ts'
import { endTokens } from './end-tokens.ts'
import { decodeEscapedSpaces } from './escaped-spaces.ts'
import { checkByteDecoder, readSpaceDecoder } from './json-decoder.ts'
import { readNormalizer } from './json-normalizer.ts'
import { listOf, objectOf, shown, unsupported } from './json-parts.ts'
import { readBeginning } from './json-post-processor.ts'
import { readPreTokenizer } from './json-pre-tokenizer.ts'
import type { Tokenizer } from './tokenizer.ts'
import { TokenizerJson } from './tokenizer-json.ts'
import type { Vocabulary } from './vocabulary.ts'
import type { WordModel } from './word-model.ts'

const ENCODER = new TextEncoder()

/**
 * The tokenizer of a Hugging Face folder, from the bytes of its tokenizer.json.
 * @param name the file, for messages.
 * @throws TokenizerError when it is broken or of a kind this engine does not run.
 */
export function tokenizerFromJson(bytes: Uint8Array, name: string, companions: TokenizerCompanions = {}): Tokenizer {
  const config = companions.tokenizerConfig ?? {}
  const json = new TokenizerJson(bytes, name)
  checkModel(objectOf(json.rest.model), name)
  const normalize = readNormalizer(json.rest.normalizer, name)
  const { preTokenizer, isByteLevel } = readPreTokenizer(json.rest.pre_tokenizer, name)
  const added = readAddedTokens(listOf(json.rest.added_tokens), config, name, normalize)
  const { words, vocabulary, stripsSpace } = isByteLevel
    ? readBytes(json, added, name)
    : readCharacters(json, added, name)
  const controlTokens = new Map(added.filter(({ special }) => special).map(({ text, id }) => [text, id]))
  const allTokens = new Map(added.map(({ text, id }) => [text, id]))
  const special = specialTokens(config)
  const idOfRole = (role: string): number | undefined => allTokens.get(special.get(role) ?? '')
  const eos = idOfRole('eos_token')
  return new BpeTokenizer({
    vocabulary,
    words,
    preTokenizer,
    added,
    normalize,
    stripsSpace,
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

interface Words {
  readonly words: WordModel
  readonly vocabulary: Vocabulary
  readonly stripsSpace: boolean
}

function readBytes(json: TokenizerJson, added: readonly AddedToken[], name: string): Words {
  const model = objectOf(json.rest.model)
  if (model.byte_fallback) throw unsupported(name, 'model.byte_fallback', 'true beside ByteLevel')
  checkByteDecoder(json.rest.decoder, name)
  const builder = json.readVocabulary(decodeByteAlphabet)
  for (const { id, text } of added) builder.addText(id, ENCODER.encode(text))
  const vocabulary = builder.build()
  const merges = json.readMerges(vocabulary, decodeByteAlphabet)
  const words = new ByteLevelWords(vocabulary, merges, {
    file: name,
    special: specialIds(added),
    ignoresMerges: model.ignore_merges === true,
    unknown: unknownOf(model, vocabulary),
  })
  return { words, vocabulary, stripsSpace: false }
}

/** BPE over characters, in files made from SentencePiece models. */
function readCharacters(json: TokenizerJson, added: readonly AddedToken[], name: string): Words {
  const model = objectOf(json.rest.model)
  const spellsBytes = model.byte_fallback === true
  const stripsSpace = readSpaceDecoder(json.rest.decoder, spellsBytes, name)
  const byteTokens = new ByteTokens()
  const builder = json.readVocabulary(decodeEscapedSpaces, spellsBytes ? byteTokens : undefined)
  for (const { id, text } of added) {
    const bytes = ENCODER.encode(text)
    builder.addEncoded(id, bytes, 0, bytes.length)
  }
  const vocabulary = builder.build()
  const words = new CharacterWords(vocabulary, json.readMerges(vocabulary, decodeEscapedSpaces), {
    file: name,
    special: specialIds(added),
    ignoresMerges: model.ignore_merges === true,
    byteIds: byteTokens.ids(),
    unknown: unknownOf(model, vocabulary),
    fusesUnknown: model.fuse_unk === true,
  })
  return { words, vocabulary, stripsSpace }
}

function unknownOf({ unk_token: text }: JsonObject, vocabulary: Vocabulary): number | undefined {
  if (typeof text !== 'string') return undefined
  const bytes = ENCODER.encode(text)
  const id = vocabulary.find(bytes, 0, bytes.length)
  return id < 0 ? undefined : id
}

function specialIds(added: readonly AddedToken[]): number[] {
  return added.filter(({ special }) => special).map(({ id }) => id)
}

function checkModel(model: JsonObject, name: string): void {
  // Files from before 2020 do not name the type.
  const type = model.type ?? (model.merges === undefined ? 'nothing' : 'BPE')
  if (type !== 'BPE') throw unsupported(name, 'model', shown(type))
  for (const field of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    const value = model[field]
    if (value) throw unsupported(name, `model.${field}`, shown(value))
  }
}

function beginningOf(text: string | undefined, tokens: ReadonlyMap<string, number>, name: string): number | undefined {
  if (text === undefined) return undefined
  const id = tokens.get(text)
  if (id !== undefined) return id
  const message = `${name} begins texts with ${JSON.stringify(text)}, which is none of its added tokens.`
  throw new TokenizerError('invalid-tokenizer', message, { file: name, field: 'post_processor' })
}
