import { type Conversation, type Message, type Model, type ReplyOptions, TemplateError, type Tools } from '../index.ts'
import { domErrorOf, quotaExceeded } from './dom-errors.ts'
import { type LanguageModelPrompt, messagesOf } from './prompt.ts'

export interface LanguageModelPromptOptions {
  /** Not supported yet: refused. */
  readonly responseConstraint?: object
  readonly signal?: AbortSignal
}

export type SamplingMode = 'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative' | 'default'

export interface SessionSetting {
  readonly reply: ReplyOptions & { readonly tools?: Tools }
  readonly samplingMode: SamplingMode
  /** Never leave the context. */
  readonly initial: readonly Message[]
  /** Told once, when the session is over. */
  readonly release: () => void
  /** For a session that shares the model. */
  readonly retain: () => void
}

/** The part of the context that is kept for the answer. */
const ROOM_FOR_ANSWER = 1 / 8

/**
 * A session of the Prompt API on a model of laju's. Prompts wait for each other. Each goes on in a conversation of its own, which
 * shares what has been computed, and replaces the session's once it is answered: what is aborted or fails leaves nothing.
 */
export class LanguageModelSession extends EventTarget {
  readonly contextWindow: number
  readonly samplingMode: SamplingMode
  readonly #model: Model
  readonly #setting: SessionSetting
  readonly #destroyed = new AbortController()
  #conversation: Conversation
  #queue: Promise<unknown> = Promise.resolve()
  #usage = 0
  #overflowHandler: ((event: Event) => void) | null = null

  private constructor(model: Model, conversation: Conversation, setting: SessionSetting) {
    super()
    this.#model = model
    this.#conversation = conversation
    this.#setting = setting
    this.contextWindow = model.info.contextLength
    this.samplingMode = setting.samplingMode
  }

  /** @throws DOMException `QuotaExceededError` for initial messages that are too long */
  static async create(model: Model, setting: SessionSetting, signal?: AbortSignal): Promise<LanguageModelSession> {
    const conversation = model.conversation({ ...setting.reply, messages: setting.initial })
    const session = new LanguageModelSession(model, conversation, setting)
    session.#usage = await session.#measure()
    if (session.#usage > session.contextWindow) throw quotaExceeded(session.#usage, session.contextWindow)
    if (session.#usage > 0) await conversation.append([], { signal })
    return session
  }

  /** Tokens of what has been said. */
  get contextUsage(): number {
    return this.#usage
  }

  get oncontextoverflow(): ((event: Event) => void) | null {
    return this.#overflowHandler
  }

  set oncontextoverflow(handler: ((event: Event) => void) | null) {
    if (this.#overflowHandler) this.removeEventListener('contextoverflow', this.#overflowHandler)
    this.#overflowHandler = handler
    if (handler) this.addEventListener('contextoverflow', handler)
  }

  /** @throws DOMException as the specification says; whatever a signal was aborted with */
  async prompt(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<string> {
    let text = ''
    await this.#ask(input, options, (piece) => {
      text += piece
    })
    return text
  }

  /** Pieces of the answer as they are written. */
  promptStreaming(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<string> {
    const left = new AbortController()
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal
    return new ReadableStream<string>({
      start: (controller) => {
        this.#ask(input, { ...options, signal }, (piece) => controller.enqueue(piece)).then(
          () => controller.close(),
          (error) => controller.error(error),
        )
      },
      cancel: (reason) => left.abort(reason),
    })
  }

  /** Adds messages that are not to be answered yet, and computes them ahead. */
  append(input: LanguageModelPrompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#inTurn(signal, async (stop) => {
      const messages = this.#messagesOf(input)
      const next = await this.#withRoomFor(messages)
      await this.#goOn(next, () => next.append(messages, { signal: stop }))
    })
  }

  /** Tokens that a prompt would take. */
  measureContextUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    return this.#inTurn(options.signal, async () => {
      refuseConstraint(options)
      return (await this.#conversation.countTokens(this.#messagesOf(input))) - (await this.#measure())
    })
  }

  /** A session that has heard the same, and goes on separately. */
  clone({ signal }: { readonly signal?: AbortSignal } = {}): Promise<LanguageModelSession> {
    return this.#inTurn(signal, async () => {
      const clone = new LanguageModelSession(this.#model, await this.#conversation.fork(), this.#setting)
      clone.#usage = this.#usage
      this.#setting.retain()
      return clone
    })
  }

  /** Ends what is under way, and gives back what the session takes. Twice is fine. */
  destroy(reason: unknown = new DOMException('The session was destroyed.', 'AbortError')): void {
    if (this.#destroyed.signal.aborted) return
    this.#destroyed.abort(reason)
    // Before the model perhaps goes.
    void this.#queue
      .then(() => this.#conversation.dispose())
      .catch(() => {})
      .finally(this.#setting.release)
  }

  #ask(
    input: LanguageModelPrompt,
    { signal, ...options }: LanguageModelPromptOptions,
    write: (piece: string) => void,
  ): Promise<void> {
    return this.#inTurn(signal, async (stop) => {
      refuseConstraint(options)
      const messages = this.#messagesOf(input)
      const next = await this.#withRoomFor(messages)
      await this.#goOn(next, async () => {
        for await (const part of next.send(messages, { signal: stop })) if (part.type === 'text-delta') write(part.text)
      })
    })
  }

  /** One after the other; until it is aborted, or the session destroyed. */
  #inTurn<Result>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<Result>): Promise<Result> {
    const stop = signal ? AbortSignal.any([signal, this.#destroyed.signal]) : this.#destroyed.signal
    const result = this.#queue.then(async () => {
      stop.throwIfAborted()
      try {
        return await work(stop)
      } catch (error) {
        stop.throwIfAborted()
        throw domErrorOf(error)
      }
    })
    this.#queue = result.catch(() => {})
    return result
  }

  /** The conversation to go on in: without the oldest turns, where the context is too small for all. */
  async #withRoomFor(messages: readonly Message[]): Promise<Conversation> {
    const { reply, initial } = this.#setting
    const most = this.contextWindow * (1 - ROOM_FOR_ANSWER)
    const said = this.#conversation.messages.slice(initial.length)
    let kept = said
    for (;;) {
      const conversation = this.#model.conversation({ ...reply, messages: [...initial, ...kept] })
      const needed = await conversation.countTokens(messages)
      const isAll = kept.length === 0
      if (needed > this.contextWindow && isAll) throw quotaExceeded(needed, this.contextWindow)
      if (needed <= most || isAll) {
        if (kept.length < said.length) this.dispatchEvent(new Event('contextoverflow'))
        return conversation
      }
      const next = kept.findIndex(({ role }, i) => i > 0 && role === 'user')
      kept = next < 0 ? [] : kept.slice(next)
    }
  }

  async #goOn(next: Conversation, work: () => Promise<void>): Promise<void> {
    const last = this.#conversation
    try {
      await work()
    } catch (error) {
      await next.dispose().catch(() => {})
      throw error
    }
    this.#conversation = next
    this.#usage = await this.#measure()
    await last.dispose()
  }

  /** Tokens of what has been said; 0 where the model's template has no form for it until there is more. */
  async #measure(): Promise<number> {
    if (this.#conversation.messages.length === 0) return 0
    return this.#conversation.countTokens().catch((error) => {
      if (error instanceof TemplateError) return 0
      throw error
    })
  }

  #messagesOf(input: LanguageModelPrompt): Message[] {
    return messagesOf(input, this.#conversation.messages.length === 0)
  }
}

function refuseConstraint({ responseConstraint }: LanguageModelPromptOptions): void {
  if (responseConstraint === undefined || responseConstraint === null) return
  throw new DOMException('Answers cannot be held to a schema or an expression yet.', 'NotSupportedError')
}
