import type { ToolCall } from './tools.ts'

export type Role = 'system' | 'user' | 'assistant' | 'tool'

/** One turn of a conversation, as chat templates know it. */
export interface Message {
  readonly role: Role
  /** Of a tool: what the function returned. */
  readonly content: string
  /** What an assistant thought before it answered, without the tags. Templates decide how much of it they keep. */
  readonly reasoning?: string
  /** The functions an assistant called, after its text. */
  readonly toolCalls?: readonly ToolCall[]
  /** Of a tool: the call that it answers, and the function's name. */
  readonly toolCallId?: string
  readonly toolName?: string
}
