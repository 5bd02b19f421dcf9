import type { Message } from './message.ts'
import { callFields, resultFields, type ToolStyle } from './tool-style.ts'

/**
 * A message in the shape Hugging Face gives to templates; absent fields must be absent, not null. Of a template that
 * writes calls only of messages without content, text and calls become two messages. A call that could not be read
 * goes back as the text it was.
 */
export function messageFields(message: Message, style: ToolStyle | undefined): object[] {
  const { role, content, reasoning, toolCalls = [], toolCallId, toolName } = message
  const thought = reasoning === undefined ? {} : { reasoning_content: reasoning }
  const calls = toolCalls.filter(({ invalid }) => invalid === undefined)
  const broken = toolCalls.filter(({ invalid }) => invalid !== undefined).map(({ input }) => String(input))
  const text = [content, ...broken].filter((part) => part !== '').join('\n')
  const plain = { role, content: text, ...thought, ...resultFields(toolCallId, toolName) }
  if (calls.length === 0) return [plain]
  const called = callFields(calls, style?.asText ?? false)
  if (!style?.withoutContent) return [{ ...plain, ...called }]
  return [...(text === '' ? [] : [plain]), { role, content: null, ...thought, ...called }]
}
