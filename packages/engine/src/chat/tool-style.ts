import type { JsonObject } from '../weights/checkpoint.ts'
import { ToolCallSplitter } from './tool-call-splitter.ts'
import { TOOL_FORMS, type ToolForm } from './tool-forms.ts'
import type { ToolCall, ToolDefinition } from './tools.ts'

/** How a template speaks of functions. */
export interface ToolStyle {
  readonly form: ToolForm
  /** It writes calls only of a message without content (DeepSeek R1). */
  readonly withoutContent: boolean
  /** It wants the arguments as a text of JSON, not as data (DeepSeek V3). */
  readonly asText: boolean
  /** It tells the model which functions there are. */
  readonly definitions: boolean
}

/** A message in Hugging Face's shape, and the functions. Undefined where the template refuses them. */
export type Render = (messages: readonly object[], tools: readonly object[]) => string | undefined

const PROBE: ToolDefinition = {
  name: 'probe_name',
  description: 'probe description',
  parameters: { type: 'object', properties: { probe_key: { type: 'string' } } },
}
const CALL: ToolCall = { id: 'call00000', name: 'probe_name', input: { probe_key: 'probe_value' } }
const VARIANTS = [false, true].flatMap((withoutContent) => [false, true].map((asText) => ({ withoutContent, asText })))

/** Finds out by having the template write a call, and reading it again. Undefined for one that writes none we can read. */
export function toolStyleOf(render: Render): ToolStyle | undefined {
  const tools = [definitionFields(PROBE)]
  const question = { role: 'user', content: 'Hi' }
  const before = render([question], tools) ?? ''
  const definitions = before.includes('probe_name') && before.includes('probe description')
  for (const variant of VARIANTS) {
    const call = {
      role: 'assistant',
      content: variant.withoutContent ? null : '',
      ...callFields([CALL], variant.asText),
    }
    const text = render([question, call, { role: 'tool', content: 'x', ...resultFields(CALL.id, CALL.name) }], tools)
    const form = text === undefined ? undefined : TOOL_FORMS.find((each) => writes(each, withoutStart(text, before)))
    if (form !== undefined) return { form, ...variant, definitions }
  }
  return undefined
}

/** `tool_calls` as templates know it. */
export function callFields(calls: readonly ToolCall[], asText: boolean): object {
  const tool_calls = calls.map(({ id, name, input }) => ({
    id,
    type: 'function',
    function: { name, arguments: asText ? JSON.stringify(input) : input },
  }))
  return { tool_calls }
}

/** An entry of `tools` as templates know it. */
export function definitionFields({ name, description = '', parameters = NO_PARAMETERS }: ToolDefinition): object {
  return { type: 'function', function: { name, description, parameters } }
}

export function resultFields(id: string | undefined, name: string | undefined): object {
  return { ...(id === undefined ? {} : { tool_call_id: id }), ...(name === undefined ? {} : { name }) }
}

/** What a system message has to say where the template does not tell the model of its functions. */
export function toolInstructions({ form }: ToolStyle, tools: readonly ToolDefinition[]): string {
  const definitions = tools.map((tool) => JSON.stringify(definitionFields(tool))).join('\n')
  return `You can call these functions:\n${definitions}\n\nTo call one, write exactly:\n${form.example}`
}

const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} }

/** The instructions may show an example of a call: only what comes behind them counts. */
function withoutStart(text: string, start: string): string {
  let at = 0
  while (at < start.length && text[at] === start[at]) at++
  return text.slice(at)
}

function writes(form: ToolForm, text: string): boolean {
  const written = form.bare ? bareCall(text) : text
  if (written === undefined) return false
  const splitter = new ToolCallSplitter(form)
  const parts = [...splitter.push(written), ...splitter.flush()]
  const calls = parts.filter((part) => part.type === 'tool-call')
  const [call] = calls
  return calls.length === 1 && call.name === CALL.name && JSON.stringify(call.input) === JSON.stringify(CALL.input)
}

/** A call of the form that has no tag stands alone on its line, and has `parameters`; others look like it in part. */
function bareCall(text: string): string | undefined {
  return /(?:^|\n|<\|python_tag\|>)(\{"name":[^\n]*"parameters":[^\n]*)/.exec(text)?.[1]
}
