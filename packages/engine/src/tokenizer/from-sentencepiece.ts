import { TokenizerError } from '../errors.ts'
import type { AddedToken } from './added-tokens.ts'
import { BpeTokenizer } from './bpe-tokenizer.ts'
import { ByteTokens, byteOfToken } from './byte-tokens.ts'
import { CharacterWords } from './character-words.ts'
import { generationEnds, readAddedTokens, specialTokens, type TokenizerCompanions } from './companions.ts'
import { endTokens } from './end-tokens.ts'
import { decodeEscapedSpaces, ESCAPED_SPACE } from './escaped-spaces.ts'
import { PreTokenizer } from './pre-tokenizer.ts'
import { type Field, protobufFields } from './protobuf.ts'
import { ranksOfScores } from './score-encoder.ts'
import type { Tokenizer } from './tokenizer.ts'
import { VocabularyBuilder } from './vocabulary.ts'

/** Field numbers of SentencePiece's ModelProto and what it holds (sentencepiece_model.proto). */
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 }
const PIECE = { text: 1, score: 2, type: 3 }
const TRAINER = { modelType: 3, spacesAsSuffix: 24, unknown: 40, beginning: 41, end: 42, padding: 43 }
const NORMALIZER = { characterMap: 2, addsPrefix: 3, removesExtraSpaces: 4, escapesSpaces: 5 }

const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 }
const MODEL_TYPE_BPE = 2
const MODEL_TYPES = ['none', 'Unigram', 'BPE', 'Word', 'Char']

const BYTES_A_TOKEN = 8

/**
 * The tokenizer of a SentencePiece model of the kind BPE (`tokenizer.model` in folders without a tokenizer.json).
 * Control tokens are parsed as in any other tokenizer; every piece of text between them gets the leading space.
 * @param name the file, for messages.
 * @throws TokenizerError when it is broken or of a kind this engine does not run.
 */
export function tokenizerFromSentencePiece(
  bytes: Uint8Array,
  name: string,
  companions: TokenizerCompanions = {},
): Tokenizer {
  const model = readSentencePiece(bytes, name)
  const { vocabulary, added, byteIds, ranks } = readPieces(model.pieces, companions, name)
  const id = (field: number, otherwise: number): number | undefined => {
    // -1, "none", is written as what is left of 2^64.
    const value = model.trainer.get(field) ?? otherwise
    return value < vocabulary.size ? value : undefined
  }
  const eos = id(TRAINER.end, 2)
  const bos = id(TRAINER.beginning, 1)
  const config = companions.tokenizerConfig ?? {}
  const addsPrefix = model.normalizer.get(NORMALIZER.addsPrefix) !== 0
  const removesExtraSpaces = model.normalizer.get(NORMALIZER.removesExtraSpaces) !== 0
  const special = added.filter((token) => token.special)
  return new BpeTokenizer({
    vocabulary,
    words: new CharacterWords(vocabulary, ranks, {
      file: name,
      special: special.map((token) => token.id),
      ignoresMerges: false,
      byteIds,
      unknown: id(TRAINER.unknown, 0),
      fusesUnknown: true,
    }),
    preTokenizer: new PreTokenizer([]),
    added,
    normalize: (text) => {
      const kept = removesExtraSpaces ? withoutExtraSpaces(text) : text
      return addsPrefix && kept !== '' ? ` ${kept}` : kept
    },
    stripsSpace: addsPrefix,
    beginning: config.add_bos_token === false ? undefined : bos,
    ends: endTokens(
      [...(eos === undefined ? [] : [eos]), ...generationEnds(companions, vocabulary.size, name)],
      new Map(special.map((token) => [token.text, token.id])),
    ),
    specialTokens: specialTokens(config),
  })
}

/** Text, score and type of each piece, in flat arrays: as objects they would take twenty times the file. */
interface Pieces {
  readonly count: number
  readonly textOf: (id: number) => Uint8Array
  readonly scores: Float32Array
  readonly types: Int32Array
}

/** What a file holds: pieces by their ids, and the numbers of the trainer's and the normalizer's settings. */
export interface SentencePieceModel {
  readonly pieces: Pieces
  readonly trainer: ReadonlyMap<number, number>
  readonly normalizer: ReadonlyMap<number, number>
}

/** @throws TokenizerError when it is broken or of a kind this engine does not run. */
export function readSentencePiece(bytes: Uint8Array, name: string): SentencePieceModel {
  const model = readModel(bytes, name)
  checkModel(model, name)
  return model
}

function readModel(bytes: Uint8Array, name: string): SentencePieceModel {
  try {
    const model = parseModel(bytes)
    if (model.pieces.count > 0) return model
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TokenizerError('invalid-tokenizer', `${name} is not a SentencePiece model: ${why}.`, {
      file: name,
      remedy: 'Download the file again.',
      cause,
    })
  }
  throw new TokenizerError('invalid-tokenizer', `${name} is not a SentencePiece model: it has no pieces.`, {
    file: name,
  })
}

/** @throws Error where the bytes are no message */
function parseModel(bytes: Uint8Array): SentencePieceModel {
  let count = 0
  let trainer = new Map<number, number>()
  let normalizer = new Map<number, number>()
  for (const field of protobufFields(bytes)) {
    if (field.number === MODEL.pieces) count++
    if (field.number === MODEL.trainer) trainer = readNumbers(bytesOf(field))
    if (field.number === MODEL.normalizer) normalizer = readNumbers(bytesOf(field))
  }
  return { pieces: parsePieces(bytes, count), trainer, normalizer }
}

function parsePieces(bytes: Uint8Array, count: number): Pieces {
  const starts = new Uint32Array(count)
  const lengths = new Uint32Array(count)
  const scores = new Float32Array(count)
  const types = new Int32Array(count).fill(TYPE.normal)
  let id = -1
  for (const field of protobufFields(bytes)) {
    if (field.number !== MODEL.pieces) continue
    id++
    for (const { number, value } of protobufFields(bytesOf(field))) {
      if (number === PIECE.text && typeof value !== 'number') {
        starts[id] = value.byteOffset - bytes.byteOffset
        lengths[id] = value.length
      }
      if (number === PIECE.score && typeof value === 'number') scores[id] = value
      if (number === PIECE.type && typeof value === 'number') types[id] = value
    }
  }
  return { count, textOf: (id) => bytes.subarray(starts[id], starts[id] + lengths[id]), scores, types }
}

/** The numbers of a message by field, and of texts their lengths. */
function readNumbers(bytes: Uint8Array): Map<number, number> {
  const result = new Map<number, number>()
  for (const { number, value } of protobufFields(bytes)) {
    result.set(number, typeof value === 'number' ? value : value.length)
  }
  return result
}

function bytesOf({ number, value }: Field): Uint8Array {
  if (typeof value === 'number') throw new Error(`field ${number} is no message`)
  return value
}

function checkModel({ pieces, trainer, normalizer }: SentencePieceModel, name: string): void {
  const type = trainer.get(TRAINER.modelType) ?? 1
  if (type !== MODEL_TYPE_BPE)
    throw unsupported(name, `is of the kind ${MODEL_TYPES[type] ?? type}; only BPE is supported`)
  if ((normalizer.get(NORMALIZER.characterMap) ?? 0) > 0)
    throw unsupported(name, 'normalises text by a table of its own')
  if (normalizer.get(NORMALIZER.escapesSpaces) === 0) throw unsupported(name, 'does not escape spaces')
  if (trainer.get(TRAINER.spacesAsSuffix) === 1) throw unsupported(name, 'has spaces at the ends of words')
  if (pieces.types.includes(TYPE.unused)) throw unsupported(name, 'has pieces that must not be used')
}

function unsupported(name: string, what: string): TokenizerError {
  return new TokenizerError('unsupported-tokenizer', `The SentencePiece model ${name} ${what}.`, {
    file: name,
    remedy: 'Put the tokenizer.json of the model beside it, or use a GGUF file of the model.',
  })
}

function readPieces(pieces: Pieces, companions: TokenizerCompanions, name: string) {
  const builder = new VocabularyBuilder(name, BYTES_A_TOKEN * pieces.count, decodeEscapedSpaces)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const added = new Map<number, AddedToken>()
  const bytes = new ByteTokens()
  for (let id = 0; id < pieces.count; id++) {
    const text = pieces.textOf(id)
    const type = pieces.types[id]
    const written = type === TYPE.normal ? '' : decoder.decode(text)
    const shown = written.replaceAll(ESCAPED_SPACE, ' ')
    const byte = type === TYPE.byte ? byteOfToken(written) : undefined
    if (type === TYPE.normal) {
      builder.addEncoded(id, text, 0, text.length)
    } else if (byte !== undefined) {
      bytes.add(byte, id)
      builder.addText(id, Uint8Array.of(byte), false)
    } else {
      builder.addText(id, new TextEncoder().encode(shown), false)
    }
    // SentencePiece looks for pieces where spaces are already escaped: one with a plain space is never found.
    if (type === TYPE.userDefined && !written.includes(' ')) {
      added.set(id, { id, text: shown, special: false, normalized: shown })
    }
    if (type === TYPE.control || type === TYPE.unknown) added.set(id, { id, text: written, special: true })
  }
  for (const token of readAddedTokens([], companions.tokenizerConfig ?? {}, name)) {
    if (token.id < pieces.count) continue
    builder.addText(token.id, new TextEncoder().encode(token.text), false)
    added.set(token.id, token)
  }
  const vocabulary = builder.build()
  const ranks = ranksOfScores(Float32Array.from({ length: vocabulary.size }, (_, id) => pieces.scores[id] ?? 0))
  if (ranks === undefined) {
    throw new TokenizerError('invalid-tokenizer', `${name} has a piece whose score is not a number.`, { file: name })
  }
  return { vocabulary, added: [...added.values()], byteIds: bytes.ids(), ranks }
}

/** Spaces at the ends left out, and several in a row made one, as SentencePiece does unless told otherwise. */
function withoutExtraSpaces(text: string): string {
  let end = text.length
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === ESCAPED_SPACE)) end--
  return text.slice(0, end).replace(/^ +/, '').replace(/ {2,}/g, ' ')
}
