import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'

/** A function that a model is told about. */
export interface ToolDefinition {
  readonly name: string
  readonly description?: string
  /** A JSON schema of the object it takes; default an object without properties. */
  readonly parameters?: JsonObject
}

/** A function call that a model wrote. */
export interface ToolCall {
  /** Unique in the conversation: nine letters and digits, which the strictest templates ask for. */
  readonly id: string
  /** Empty where a call is too broken to name its function. */
  readonly name: string
  /** The arguments, an object; of an invalid call, its text as the model wrote it. */
  readonly input: JsonValue
  /** What is wrong with a call that could not be read. */
  readonly invalid?: string
}

/** @param number counts the calls of a conversation from 0 */
export function toolCallId(number: number): string {
  return `call${String(number).padStart(5, '0')}`
}
