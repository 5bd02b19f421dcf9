import { type Conversation, LajuError, type Model } from '@laju/engine'
import { neutralise } from '../terminal/neutralise.ts'

/**
 * The conversation that was saved to a file. Where it was held with another model, cache or set of adapters, it is taken
 * over as what was said, and that is told.
 */
export async function restoreConversation(model: Model, file: string): Promise<Conversation> {
  try {
    return await model.restore(file)
  } catch (error) {
    if (!(error instanceof LajuError) || error.code !== 'conversation-mismatch') throw error
    console.error(`note: ${neutralise(error.message)} Its messages are taken over, and read anew.`)
    return model.restore(file, { messagesOnly: true })
  }
}

/** Where a conversation is, for a person who goes on with it. */
export function recalled({ messages }: Conversation): string {
  const questions = messages.filter(({ role }) => role === 'user')
  const last = questions.at(-1)
  if (!last) return 'The conversation goes on; nothing has been asked in it yet.'
  const [line = ''] = last.content.split('\n')
  const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line
  const count = questions.length === 1 ? 'one question' : `${questions.length} questions`
  return `The conversation goes on after ${count}, the last of them: ${neutralise(shown)}`
}
