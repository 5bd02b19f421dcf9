import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'

/** How a family of models writes its function calls. */
export interface ToolForm {
  readonly name: 'hermes' | 'llama' | 'deepseek'
  /** The tag before a call. */
  readonly open: string
  /** The tag behind it; undefined where a call is over with its JSON object. */
  readonly close: string | undefined
  /** Tags around several calls. */
  readonly section: readonly string[]
  /** What may stand between two calls. */
  readonly separators: readonly string[]
  /** A reply that begins with a JSON object may be a call without a tag. */
  readonly bare: boolean
  /** Reads what stands between the tags, or a whole object where there are none. */
  parse(body: string, tagged: boolean): ParsedCall
  /** How a call looks, for a model whose template does not say. */
  readonly example: string
}

export type ParsedCall =
  | { readonly name: string; readonly input: JsonObject; readonly invalid?: undefined }
  | { readonly name: string; readonly invalid: string }

const DEEPSEEK_SEPARATOR = '<｜tool▁sep｜>'
const FENCE = '```'

/** Hermes, Qwen 2.5 and 3, QwQ, and many that were trained on their data. */
const HERMES: ToolForm = {
  name: 'hermes',
  open: '<tool_call>',
  close: '</tool_call>',
  section: [],
  separators: [],
  bare: false,
  parse: parseNamed,
  example: '<tool_call>\n{"name": FUNCTION_NAME, "arguments": {ARGUMENTS}}\n</tool_call>',
}

/** Llama 3.1 to 3.3: a JSON object in place of an answer, with or without a tag before it. */
const LLAMA: ToolForm = {
  name: 'llama',
  open: '<|python_tag|>',
  close: undefined,
  section: [],
  separators: [';', ','],
  bare: true,
  parse: parseNamed,
  example: '{"name": FUNCTION_NAME, "parameters": {ARGUMENTS}}',
}

/**
 * DeepSeek. V3 and R1 put the function's kind first, then its name and a fenced block of JSON; V3.1 puts the name
 * first and then bare JSON.
 */
const DEEPSEEK: ToolForm = {
  name: 'deepseek',
  open: '<｜tool▁call▁begin｜>',
  close: '<｜tool▁call▁end｜>',
  section: ['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>'],
  separators: [],
  bare: false,
  parse: parseDeepSeek,
  example:
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function${DEEPSEEK_SEPARATOR}FUNCTION_NAME\n` +
    '```json\n{ARGUMENTS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
}

export const TOOL_FORMS: readonly ToolForm[] = [HERMES, DEEPSEEK, LLAMA]

/** Every tag of a form, some of which are control tokens in some vocabularies. */
export function tagsOf({ open, close, section, name }: ToolForm): string[] {
  return [
    open,
    ...(close === undefined ? [] : [close]),
    ...section,
    ...(name === 'deepseek' ? [DEEPSEEK_SEPARATOR] : []),
  ]
}

/** `{"name": …, "arguments": {…}}`, or `parameters`. Without a tag it takes arguments to make a call. */
function parseNamed(body: string, tagged: boolean): ParsedCall {
  const call = parseJson(body)
  if (!isJsonObject(call)) return { name: nameIn(body), invalid: 'it is not a JSON object' }
  const { name, arguments: given, parameters } = call
  if (typeof name !== 'string') return { name: '', invalid: 'it names no function' }
  return withInput(name, given ?? parameters ?? (tagged ? {} : null))
}

function parseDeepSeek(body: string): ParsedCall {
  const at = body.indexOf(DEEPSEEK_SEPARATOR)
  if (at < 0) return { name: '', invalid: 'it names no function' }
  const after = body.slice(at + DEEPSEEK_SEPARATOR.length)
  const fence = after.indexOf(FENCE)
  const name = (fence < 0 ? body.slice(0, at) : after.slice(0, fence)).trim()
  const input = parseJson(fence < 0 ? after : unfenced(after.slice(fence)))
  return input === undefined ? { name, invalid: 'its arguments are no JSON' } : withInput(name, input)
}

/** The text in a block fenced as JSON. */
function unfenced(block: string): string {
  const text = block.slice(FENCE.length).trim()
  const inner = text.endsWith(FENCE) ? text.slice(0, -FENCE.length) : text
  return inner.startsWith('json') ? inner.slice('json'.length) : inner
}

/** Some models write the arguments as a text of JSON. */
function withInput(name: string, given: JsonValue): ParsedCall {
  const input = typeof given === 'string' ? parseJson(given) : given
  return isJsonObject(input) ? { name, input } : { name, invalid: 'its arguments are not a JSON object' }
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}

/** The name in a call that cannot be parsed, as far as it shows one. */
function nameIn(body: string): string {
  return (
    /^\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"([^"\\]*)"/.exec(body)?.[1] ??
    /^\s*([\w.]+)\.call\(/.exec(body)?.[1] ??
    ''
  )
}
