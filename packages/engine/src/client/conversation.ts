import type { Message } from '../chat/message.ts'
import type { Reply, ReplyOptions, ReplyPart } from '../chat/reply.ts'
import { LajuError } from '../errors.ts'
import type { ReplyRequest } from '../worker/messages.ts'
import { Generation } from './generation.ts'
import { type Caller, replyInRounds } from './reply-in-rounds.ts'
import { type ChatOptions, definitionsOf, promptOf, type ToolOptions } from './tools.ts'

export interface ConversationOptions extends ReplyOptions, ToolOptions {
  /** The system message. */
  readonly system?: string
  /** Earlier turns to go on from. */
  readonly messages?: readonly Message[]
}

export interface RestoreOptions extends ReplyOptions, ToolOptions {
  /** Leaves keys and values where they are: what was said is read anew, by whatever model this is. */
  readonly messagesOnly?: boolean
  readonly signal?: AbortSignal
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
  #options: ReplyOptions & ToolOptions
  #opening: readonly Message[]
  #messages: readonly Message[]
  #busy = false

  constructor(thread: Caller, { system, messages = [], ...options }: ConversationOptions) {
    this.#thread = thread
    this.#options = options
    this.#opening = system === undefined ? [] : [{ role: 'system', content: system }]
    this.#messages = [...this.#opening, ...messages]
  }

  /** As `Model.restore`. */
  static async restore(
    thread: Caller,
    from: string | Blob,
    { messagesOnly = false, signal, ...options }: RestoreOptions = {},
  ): Promise<Conversation> {
    const conversation = new Conversation(thread, options)
    const request = { conversation: conversation.#number, from, messagesOnly }
    const record = await thread.call('restore', request, { signal }).catch(async (error) => {
      // An abort may cross with the answer, and must leave nothing behind.
      await conversation.dispose().catch(() => {})
      throw error
    })
    conversation.#options = { ...record.options, ...options }
    conversation.#opening = record.messages.slice(0, record.opening)
    conversation.#messages = record.messages
    return conversation
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  /**
   * Asks, and keeps the answer as a turn. With `tools`, functions that the model calls are run, and their results go
   * back to it until it answers or `maxToolRounds` are over. A reply that is aborted keeps the rounds and the text it
   * had; one that fails leaves the conversation as it was.
   * @param turns a question, or several turns of which the last is to be answered
   * @throws LajuError `busy` while an earlier reply is under way
   */
  send(turns: string | readonly Message[], { signal, ...options }: ChatOptions = {}): Generation {
    return new Generation(
      (emit, stop) => this.#alone(() => this.#reply(messagesOf(turns), { ...this.#options, ...options }, emit, stop)),
      signal,
    )
  }

  /**
   * Adds turns that are not to be answered yet, and computes them, so that the next reply begins sooner.
   * @throws LajuError `busy`; ContextError; AbortError. The conversation is then as it was.
   */
  async append(turns: string | readonly Message[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const messages = [...this.#messages, ...messagesOf(turns)]
    await this.#alone(() =>
      this.#thread.call('read', readRequest(messages, this.#options, this.#number), { signal, tidiesUp: true }),
    )
    this.#messages = messages
  }

  /** Tokens that a reply to its turns, and to more of them, would begin behind. @throws TemplateError, OptionError */
  countTokens(turns: string | readonly Message[] = []): Promise<number> {
    return this.#thread.call('read', readRequest([...this.#messages, ...messagesOf(turns)], this.#options))
  }

  /**
   * Takes back the last question, with all that followed it; what came before need not be computed again.
   * @returns the question, or undefined where none has been asked
   * @throws LajuError `busy`
   */
  undo(): string | undefined {
    if (this.#busy) throw stillBusy()
    const asked = this.#messages.findLastIndex(({ role }, i) => role === 'user' && i >= this.#opening.length)
    if (asked < 0) return undefined
    const question = this.#messages[asked].content
    this.#messages = this.#messages.slice(0, asked)
    return question
  }

  /**
   * Writes it to a file, or without a path to a Blob, from which `Model.restore` takes it: what was said, its options but
   * for the functions, and what has been computed of it, some hundred megabytes for thousands of tokens of a large model. A
   * file that is there already is replaced once the new one is whole.
   * @throws LajuError `busy`, `disk-full`, `write-failed` also for any path in a browser; AbortError
   */
  async save(path: string, options?: { signal?: AbortSignal }): Promise<undefined>
  async save(path?: undefined, options?: { signal?: AbortSignal }): Promise<Blob>
  async save(path?: string, { signal }: { signal?: AbortSignal } = {}): Promise<Blob | undefined> {
    const { tools: _, ...options } = this.#options
    const record = { messages: this.#messages, opening: this.#opening.length, options }
    const request = { conversation: this.#number, record, path }
    return this.#alone(() => this.#thread.call('save', request, { signal, tidiesUp: true }))
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

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#busy) throw stillBusy()
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }

  async #reply(
    asking: readonly Message[],
    options: ReplyOptions & ToolOptions,
    emit: (part: ReplyPart) => void,
    signal: AbortSignal,
  ): Promise<Reply> {
    let turns: readonly Message[] = [...this.#messages, ...asking]
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

export function messagesOf(turns: string | readonly Message[]): readonly Message[] {
  return typeof turns === 'string' ? [{ role: 'user', content: turns }] : turns
}

/** @param conversation to keep what is computed in; nothing is without one */
export function readRequest(
  messages: readonly Message[],
  { tools = {}, maxToolRounds: _, ...options }: ReplyOptions & ToolOptions,
  conversation?: number,
): ReplyRequest {
  return { prompt: promptOf(messages, definitionsOf(tools)), conversation, options }
}

function stillBusy(): LajuError {
  return new LajuError('busy', 'The conversation is still answering, or being saved.', {
    remedy: 'Await the reply or abort it first; or fork the conversation.',
  })
}
