import { TokenizerError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'
import { compilePattern } from './pattern.ts'

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

/** A value as it may stand in a message; whatever it is, this is short. */
export function shown(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : String(value).slice(0, 100)
}

/** The steps of a part that may be nothing, one step, or a Sequence (of Sequences) with its steps in `member`. */
export function stepsOf(part: JsonValue | undefined, member: string): JsonObject[] {
  if (part === null || part === undefined) return []
  const step = objectOf(part)
  return step.type === 'Sequence' ? listOf(step[member]).flatMap((inner) => stepsOf(inner, member)) : [step]
}

/**
 * The pattern of a Split or Replace: `{ String }` or `{ Regex }`.
 * @throws TokenizerError when it is neither, or is empty.
 */
export function readPattern({ type, pattern }: JsonObject, file: string, field: string): RegExp {
  const { Regex: regex, String: literal } = objectOf(pattern)
  const source = typeof literal === 'string' ? literal.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&') : regex
  if (typeof source !== 'string' || source === '') throw unsupported(file, field, `a ${shown(type)} without a pattern`)
  return compilePattern(source, file)
}
