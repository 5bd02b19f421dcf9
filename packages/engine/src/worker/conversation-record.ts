import type { Message, Role } from '../chat/message.ts'
import type { ReplyOptions } from '../chat/reply.ts'
import type { ToolCall } from '../chat/tools.ts'
import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'

/** What a conversation is, but for its keys and values. */
export interface ConversationRecord {
  readonly messages: readonly Message[]
  /** Its first messages, to which a reset goes back: 1 for a system message. */
  readonly opening: number
  readonly options: KeptOptions
}

/** Functions are code, and not kept. */
export type KeptOptions = ReplyOptions & { readonly maxToolRounds?: number }

const ROLES: readonly string[] = ['system', 'user', 'assistant', 'tool'] satisfies Role[]

const isNumber = (value: JsonValue): boolean => typeof value === 'number'
const isBoolean = (value: JsonValue): boolean => typeof value === 'boolean'
const isText = (value: JsonValue): boolean => typeof value === 'string'

/** What is no number of the right size is refused when it is used, as it is of any caller. */
const OPTIONS: Readonly<Record<keyof KeptOptions, (value: JsonValue) => boolean>> = {
  maxTokens: isNumber,
  temperature: isNumber,
  topK: isNumber,
  topP: isNumber,
  minP: isNumber,
  repetitionPenalty: isNumber,
  frequencyPenalty: isNumber,
  presencePenalty: isNumber,
  seed: isNumber,
  stop: (value) => Array.isArray(value) && value.every(isText),
  logprobs: isNumber,
  thinking: isBoolean,
  thinkingBudget: isNumber,
  maxToolRounds: isNumber,
}

/** Reads a record out of JSON that anybody may have written. @returns what is wrong with it, if something is */
export function readRecord({ messages, opening, options }: JsonObject): ConversationRecord | string {
  if (!Array.isArray(messages)) return 'it has no list of messages'
  const wrong = messages.findIndex((message) => !isMessage(message))
  if (wrong >= 0) return `message ${wrong} is not one`
  if (typeof opening !== 'number' || !Number.isInteger(opening) || opening < 0 || opening > messages.length) {
    return 'it does not say how many messages are its opening'
  }
  if (!isJsonObject(options)) return 'it has no options'
  const strange = Object.entries(options).find(([name, value]) => !isOption(name, value))
  if (strange) return `the option ${JSON.stringify(strange[0].slice(0, 50))} is not known, or of the wrong kind`
  return { messages: messages as unknown as readonly Message[], opening, options: options as KeptOptions }
}

function isOption(name: string, value: JsonValue): boolean {
  return Object.hasOwn(OPTIONS, name) && OPTIONS[name as keyof KeptOptions](value)
}

function isMessage(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false
  const { role, content, reasoning = '', toolCalls = [], toolCallId = '', toolName = '', ...others } = value
  return (
    typeof role === 'string' &&
    ROLES.includes(role) &&
    [content, reasoning, toolCallId, toolName].every(isText) &&
    Array.isArray(toolCalls) &&
    toolCalls.every(isToolCall) &&
    Object.keys(others).length === 0
  )
}

function isToolCall(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false
  const { id, name, input, invalid = '', ...others } = value
  const known: (keyof ToolCall)[] = ['id', 'name', 'input', 'invalid']
  if (Object.keys(others).some((key) => !known.includes(key as keyof ToolCall))) return false
  return [id, name, invalid].every(isText) && (invalid === '' ? isJsonObject(input) : isText(input))
}
