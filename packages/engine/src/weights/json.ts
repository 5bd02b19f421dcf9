import type { ByteSource } from '../bytes/byte-source.ts'
import { CheckpointError } from '../errors.ts'
import type { JsonObject, JsonValue } from './checkpoint.ts'
import { quoted } from './quoted.ts'

/**
 * A parsed value takes up to 130 bytes, 60 times the shortest text for it; so the values are counted first. A header of
 * 20,000 tensors has 160,000, the index of DeepSeek-V3 92,000.
 */
const MOST_VALUES = 300_000
const DEEPEST = 64

const STRICT = new TextDecoder('utf-8', { fatal: true })

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads a whole file. @throws CheckpointError `invalid-checkpoint` when it is longer than `longest` bytes */
export async function readAll(source: ByteSource, longest: number, signal?: AbortSignal): Promise<Uint8Array> {
  const { name, size } = source
  if (size > longest) {
    const problem = `${name} has ${size} bytes; at most ${longest} are allowed.`
    throw new CheckpointError('invalid-checkpoint', problem, { file: name, remedy: 'It is not a file of this kind.' })
  }
  const bytes = new Uint8Array(size)
  await source.read(0, bytes, signal)
  return bytes
}

/**
 * Parses a JSON object in bounded memory. `what` names it in messages ("config.json").
 * @throws CheckpointError `invalid-checkpoint`
 */
export function parseJsonObject(bytes: Uint8Array, file: string, what: string): JsonObject {
  const { depth, values } = outlineJson(bytes)
  if (depth > DEEPEST) throw invalid(file, what, `is nested deeper than ${DEEPEST} levels`)
  if (values > MOST_VALUES) throw invalid(file, what, `holds more than ${MOST_VALUES} values`)
  let value: JsonValue
  try {
    value = JSON.parse(STRICT.decode(bytes))
  } catch (cause) {
    // The engine's message may quote the file.
    throw invalid(file, what, `is not valid JSON: ${quoted(String(cause))}`, cause)
  }
  if (isJsonObject(value)) return value
  throw invalid(file, what, 'is not a JSON object')
}

function invalid(file: string, what: string, problem: string, cause?: unknown): CheckpointError {
  const remedy = 'The file is damaged; download it again.'
  return new CheckpointError('invalid-checkpoint', `${file}: ${what} ${problem}.`, { file, field: what, remedy, cause })
}

export interface JsonOutline {
  /** The deepest level of nesting. */
  readonly depth: number
  /** Values of all kinds, to within one for each array or object. */
  readonly values: number
  /** Members of the outermost object, repeated ones included: JSON.parse would hide those. */
  readonly members: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
/** Square brackets differ from braces in this bit only. */
const BRACE_BIT = 0x20
const OPENING = 0x7b
const CLOSING = 0x7d

/** Scans JSON text without parsing it; what is not JSON gets some outline too. */
export function outlineJson(bytes: Uint8Array): JsonOutline {
  let level = 0
  let depth = 0
  let values = 1
  let members = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) i = endOfString(bytes, i)
    else if (byte === COMMA) values++
    else if (byte === COLON && level === 1) members++
    else if ((byte | BRACE_BIT) === OPENING) {
      values++
      level++
      depth = Math.max(depth, level)
    } else if ((byte | BRACE_BIT) === CLOSING) level--
  }
  return { depth, values, members }
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1
  return i
}
