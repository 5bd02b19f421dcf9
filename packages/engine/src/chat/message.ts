export type Role = 'system' | 'user' | 'assistant' | 'tool'

/** One turn of a conversation, as chat templates know it. */
export interface Message {
  readonly role: Role
  readonly content: string
  /** What an assistant thought before it answered, without the tags. Templates decide how much of it they keep. */
  readonly reasoning?: string
}
