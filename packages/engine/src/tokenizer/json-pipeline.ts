import { TokenizerError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'
import { compilePattern } from './pattern.ts'
import { GPT_2_PATTERN, PreTokenizer, type Split } from './pre-tokenizer.ts'

/** `value` as an object; anything else as an empty one. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** `value` as a list; anything else as an empty one. */
export function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}

/** The error for a part of a tokenizer.json that is of a kind this engine does not run. */
export function unsupported(file: string, field: string, what: string): TokenizerError {
  const message = `The tokenizer ${file} has ${what} in ${field}, which is not supported.`
  return new TokenizerError('unsupported-tokenizer', message, {
    file,
    field,
    remedy: 'Use a GGUF file of the model, if its tokenizer is supported there, or another model.',
  })
}

/** The steps of a part that may be nothing, one step, or a Sequence (of Sequences) with its steps in `member`. */
function stepsOf(part: JsonValue | undefined, member: string): JsonObject[] {
  if (part === null || part === undefined) return []
  const step = objectOf(part)
  return step.type === 'Sequence' ? listOf(step[member]).flatMap((inner) => stepsOf(inner, member)) : [step]
}

/** Whether `normalizer` brings text to NFC. @throws TokenizerError when it does anything else. */
export function readNormalizer(part: JsonValue | undefined, file: string): boolean {
  const steps = stepsOf(part, 'normalizers')
  for (const { type } of steps) if (type !== 'NFC') throw unsupported(file, 'normalizer', String(type))
  return steps.length > 0
}

/** @throws TokenizerError when `pre_tokenizer` has a step that is not supported, or does not end in bytes. */
export function readPreTokenizer(part: JsonValue | undefined, file: string): PreTokenizer {
  const steps = stepsOf(part, 'pretokenizers')
  const last = steps.pop()
  if (last?.type !== 'ByteLevel') throw unsupported(file, 'pre_tokenizer', last ? String(last.type) : 'nothing')
  const splits = steps.map((step) => readSplit(step, file))
  const prefixesSpace = last.add_prefix_space === true
  if (prefixesSpace && splits.length > 0) throw unsupported(file, 'pre_tokenizer', 'add_prefix_space after a split')
  // Files from before the option existed always split as GPT-2 does.
  if (last.use_regex !== false) splits.push({ pattern: compilePattern(GPT_2_PATTERN, file), keepsGaps: true })
  return new PreTokenizer(splits, prefixesSpace)
}

function readSplit(step: JsonObject, file: string): Split {
  if (step.type === 'Digits') {
    return { pattern: compilePattern(step.individual_digits === true ? '\\p{N}' : '\\p{N}+', file), keepsGaps: true }
  }
  if (step.type !== 'Split') throw unsupported(file, 'pre_tokenizer', String(step.type))
  const { Regex: regex, String: literal } = objectOf(step.pattern)
  const source = typeof literal === 'string' ? literal.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&') : regex
  if (typeof source !== 'string' || source === '') throw unsupported(file, 'pre_tokenizer', 'a Split without a pattern')
  const inverted = step.invert === true
  // Isolated keeps the matches and what lies between them, whichever of the two "invert" calls the delimiters.
  const keepsGaps = step.behavior === 'Isolated'
  if (!keepsGaps && !(step.behavior === 'Removed' && inverted)) {
    throw unsupported(file, 'pre_tokenizer', `a Split of the behavior ${String(step.behavior)}`)
  }
  return { pattern: compilePattern(source, file), keepsGaps }
}

/** @throws TokenizerError when `decoder` is not the way back from the byte alphabet. */
export function checkDecoder(part: JsonValue | undefined, file: string): void {
  const steps = stepsOf(part, 'decoders')
  const other = steps.find(({ type }) => type !== 'ByteLevel')
  if (other || steps.length !== 1) throw unsupported(file, 'decoder', other ? String(other.type) : 'nothing')
}

/**
 * The token that `post_processor` puts before a text, if any.
 * @throws TokenizerError when it puts more than one token there, or is of another kind.
 */
export function readBeginning(part: JsonValue | undefined, file: string): string | undefined {
  let beginning: string | undefined
  for (const step of stepsOf(part, 'processors')) {
    if (step.type === 'ByteLevel') continue
    if (step.type !== 'TemplateProcessing') throw unsupported(file, 'post_processor', String(step.type))
    const pieces = listOf(step.single).map(objectOf)
    const text = pieces.findIndex((piece) => piece.Sequence !== undefined)
    if (text > 1 || (text === 1 && beginning !== undefined)) {
      throw unsupported(file, 'post_processor', 'more than one token before the text')
    }
    const id = text === 1 ? objectOf(pieces[0]?.SpecialToken).id : undefined
    if (typeof id === 'string') beginning = id
  }
  return beginning
}
