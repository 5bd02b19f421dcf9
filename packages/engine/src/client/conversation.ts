import type { Message } from '../chat/message.ts'
import type { Reply, ReplyOptions, ReplyPart } from '../chat/reply.ts'
import { LajuError } from '../errors.ts'
import { Generation } from './generation.ts'
import { type Caller, replyInRounds } from './reply-in-rounds.ts'
import type { ChatOptions, ToolOptions } from './tools.ts'

export interface ConversationOptions extends ReplyOptions, ToolOptions {
  /** The system message. */
  readonly system?: string
  /** Earlier turns to go on from. */
  readonly messages?: readonly Message[]
}

let nextNumber = 1

/** What no other conversation of this process is called by. */
export function newConversationNumber(): number {
  return nextNumber++
}

/** Turns with a model. Each turn computes only what is new. One reply at a time. */
export class Conversation {
  readonly #thread: Caller
  readonly #number = newConversationNumber()
  readonly #options: ReplyOptions & ToolOptions
  #opening: readonly Message[]
  #messages: readonly Message[]
  #replying = false

  constructor(thread: Caller, { system, messages = [], ...options }: ConversationOptions) {
    this.#thread = thread
    this.#options = options
    this.#opening = system === undefined ? [] : [{ role: 'system', content: system }]
    this.#messages = [...this.#opening, ...messages]
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  /**
   * Asks, and keeps the answer as a turn. With `tools`, functions that the model calls are run, and their results go
   * back to it until it answers or `maxToolRounds` are over. A reply that is aborted keeps the rounds and the text it
   * had; one that fails leaves the conversation as it was.
   * @throws LajuError `busy` while an earlier reply is under way
   */
  send(text: string, { signal, ...options }: ChatOptions = {}): Generation {
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
    options: ReplyOptions & ToolOptions,
    emit: (part: ReplyPart) => void,
    signal: AbortSignal,
  ): Promise<Reply> {
    let turns: readonly Message[] = [...this.#messages, { role: 'user', content: text }]
    let written = ''
    const [thread, conversation] = [this.#thread, this.#number]
    const keep = (messages: readonly Message[]) => {
      turns = messages
      written = ''
    }
    const onPart = (part: ReplyPart) => {
      if (part.type === 'text-delta') written += part.text
      emit(part)
    }
    const asked = turns
    try {
      const reply = await replyInRounds({ thread, conversation, messages: asked, options, emit: onPart, signal, keep })
      this.#messages = turns
      return reply
    } catch (error) {
      const cut: Message[] = written === '' ? [] : [{ role: 'assistant', content: written }]
      if (signal.aborted && (turns !== asked || written !== '')) this.#messages = [...turns, ...cut]
      throw error
    }
  }
}
