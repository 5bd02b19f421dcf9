import type { Message, Tools } from '../index.ts'

/* What the Prompt API takes, in its own words: https://webmachinelearning.github.io/prompt-api/ */

export interface LanguageModelMessageContent {
  readonly type: 'text' | 'image' | 'audio' | 'tool-call' | 'tool-response'
  readonly value: unknown
}

export interface LanguageModelMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string | readonly LanguageModelMessageContent[]
  readonly prefix?: boolean
}

export type LanguageModelPrompt = string | readonly LanguageModelMessage[]

export interface LanguageModelTool {
  readonly name: string
  readonly description: string
  /** JSON schema of the one argument of `execute`. */
  readonly inputSchema: object
  readonly execute: (input: Record<string, unknown>) => Promise<string>
}

/**
 * A prompt as turns of a conversation.
 * @param isFirst whether nothing has been said before: only then may there be a system message, and only at the beginning
 * @throws TypeError; DOMException `NotSupportedError` for pictures, sound and answers that are begun; `SyntaxError`
 */
export function messagesOf(input: LanguageModelPrompt, isFirst: boolean): Message[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  if (!Array.isArray(input)) throw new TypeError('A prompt is a text or a list of messages.')
  if (input.length === 0) return [{ role: 'user', content: '' }]
  return input.map((message, i) => {
    if (message.role === 'system' && !(isFirst && i === 0)) {
      throw new TypeError('A system message can only be the first message of a session.')
    }
    if (!['system', 'user', 'assistant'].includes(message.role))
      throw new TypeError(`There is no role ${message.role}.`)
    if (message.prefix) refusePrefix(message, i === input.length - 1)
    return { role: message.role, content: textOf(message) }
  })
}

/** @throws TypeError for a function that cannot be called */
export function toolsOf(tools: readonly LanguageModelTool[]): Tools {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema, execute }) => {
      if (typeof execute !== 'function') throw new TypeError(`The tool ${name} has no function to execute.`)
      return [name, { description, parameters: { ...inputSchema }, execute }]
    }),
  )
}

function textOf({ role, content }: LanguageModelMessage): string {
  if (typeof content === 'string') return content
  return content
    .map(({ type, value }) => {
      if (type !== 'text') throw new DOMException(`The model reads text only, no ${type}.`, 'NotSupportedError')
      if (typeof value !== 'string') throw new TypeError(`A text of the ${role} is not a string.`)
      return value
    })
    .join('')
}

function refusePrefix({ role }: LanguageModelMessage, isLast: boolean): never {
  if (role !== 'assistant' || !isLast) {
    throw new DOMException('Only the last message can be a prefix, of the assistant.', 'SyntaxError')
  }
  throw new DOMException('An answer that is begun cannot be gone on with.', 'NotSupportedError')
}
