import type { Message } from '../chat/message.ts'
import type { Reply, ReplyOptions, ReplyPart } from '../chat/reply.ts'
import { LajuError } from '../errors.ts'
import type { AskOptions } from '../worker/types.ts'
import type { EngineThread } from './engine-thread.ts'
import { Generation } from './generation.ts'

export interface ConversationOptions extends ReplyOptions {
  /** The system message. */
  readonly system?: string
  /** Earlier turns to go on from. */
  readonly messages?: readonly Message[]
}

let nextNumber = 1

/** Turns with a model. Each turn computes only what is new. One reply at a time. */
export class Conversation {
  readonly #thread: EngineThread
  readonly #number = nextNumber++
  readonly #options: ReplyOptions
  #opening: readonly Message[]
  #messages: readonly Message[]
  #replying = false

  constructor(thread: EngineThread, { system, messages = [], ...options }: ConversationOptions) {
    this.#thread = thread
    this.#options = options
    this.#opening = system === undefined ? [] : [{ role: 'system', content: system }]
    this.#messages = [...this.#opening, ...messages]
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  /**
   * Asks, and keeps the answer as a turn. A reply that is aborted keeps the text it had; one that fails leaves the
   * conversation as it was.
   * @throws LajuError `busy` while an earlier reply is under way
   */
  send(text: string, { signal, ...options }: AskOptions = {}): Generation {
    return new Generation(async (emit, stop) => {
      if (this.#replying) {
        throw new LajuError('busy', 'The conversation is still answering.', {
          remedy: 'Await the reply or abort it first; or fork the conversation.',
        })
      }
      this.#replying = true
      try {
        return await this.#reply(text, { ...this.#options, ...options }, emit, stop)
      } finally {
        this.#replying = false
      }
    }, signal)
  }

  /** A conversation with the same turns, which goes on separately and shares what is computed. */
  async fork(): Promise<Conversation> {
    const fork = new Conversation(this.#thread, this.#options)
    fork.#opening = this.#opening
    fork.#messages = this.#messages
    await this.#thread.call('fork', { from: this.#number, to: fork.#number })
    return fork
  }

  /** Back to the system message. */
  async reset(): Promise<void> {
    this.#messages = this.#opening
    await this.dispose()
  }

  /** Gives back its memory. Sending again afterwards computes everything anew. */
  async dispose(): Promise<void> {
    await this.#thread.call('forget', { conversation: this.#number })
  }

  async #reply(
    text: string,
    options: ReplyOptions,
    emit: (part: ReplyPart) => void,
    signal: AbortSignal,
  ): Promise<Reply> {
    const asked: Message[] = [...this.#messages, { role: 'user', content: text }]
    let written = ''
    const onEvent = (part: ReplyPart) => {
      if (part.type === 'text-delta') written += part.text
      emit(part)
    }
    const request = { prompt: { messages: asked }, conversation: this.#number, options }
    try {
      const reply = await this.#thread.call('reply', request, { signal, onEvent })
      this.#messages = [...asked, { role: 'assistant', content: reply.text, reasoning: reply.reasoning }]
      return reply
    } catch (error) {
      if (signal.aborted && written !== '') this.#messages = [...asked, { role: 'assistant', content: written }]
      throw error
    }
  }
}
