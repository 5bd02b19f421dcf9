import { type Conversation, LajuError, type Model, type Reply, type ReplyOptions } from '@laju/engine'
import { errorLines } from '../report-error.ts'
import type { LiveOutput } from '../terminal/live-output.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { ReplyPrinter, replySummary } from '../terminal/reply-printer.ts'
import { styleOf } from '../terminal/style.ts'
import { formatBytes, formatSpeed, grouped } from '../terminal/units.ts'
import { CHAT_HELP, type ChatCommand, type ThinkSetting } from './chat-command.ts'
import { recalled, restoreConversation } from './restore-conversation.ts'

/** After these the model is gone, and with it the chat. */
const FATAL: ReadonlySet<string> = new Set(['worker-failed', 'disposed', 'out-of-memory', 'kernel-failed'])

/** One conversation with a model: asks, obeys chat commands, and prints what comes of it. */
export class ChatSession {
  readonly #model: Model
  #conversation: Conversation
  readonly #output: LiveOutput
  #options: ReplyOptions
  #replies: Reply[] = []

  constructor(model: Model, conversation: Conversation, options: ReplyOptions, output: LiveOutput) {
    this.#model = model
    this.#conversation = conversation
    this.#options = options
    this.#output = output
  }

  /** @param signal stops the answer; what was written stays on the screen. */
  async ask(question: string, signal: AbortSignal): Promise<void> {
    const printer = new ReplyPrinter(this.#output, process.stdout)
    const reply = await printer.print(this.#conversation.send(question, { ...this.#options, signal }))
    if (!reply) return
    this.#replies.push(reply)
    console.error(styleOf(process.stderr).dim(replySummary(reply)))
  }

  /** Like ask, for a person who can go on after a mistake or after stopping an answer. */
  async askPatiently(question: string, signal: AbortSignal): Promise<void> {
    await this.#patiently(() => this.ask(question, signal), signal)
  }

  /** Keeps the conversation in a file. */
  async save(file: string): Promise<void> {
    await this.#conversation.save(file)
    this.#say(`The conversation is kept in ${neutralise(file)}.`)
  }

  /** Returns false when the command ends the chat. */
  async obey(command: ChatCommand): Promise<boolean> {
    switch (command.name) {
      case 'quit':
        return false
      case 'help':
        this.#say(CHAT_HELP)
        break
      case 'reset':
        await this.#reset()
        break
      case 'undo':
        this.#undo()
        break
      case 'save':
        await this.#patiently(() => this.save(command.file))
        break
      case 'load':
        await this.#patiently(() => this.#load(command.file))
        break
      case 'stats':
        this.#say(this.#stats())
        break
      case 'think':
        this.#think(command.setting)
        break
      case 'wrong':
        this.#say(command.message)
        break
    }
    return true
  }

  async #patiently(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (signal?.aborted) return this.#say('(stopped)')
      if (!(error instanceof LajuError) || FATAL.has(error.code)) throw error
      console.error(errorLines(error))
    }
  }

  async #load(file: string): Promise<void> {
    const conversation = await restoreConversation(this.#model, file)
    await this.#conversation.dispose()
    this.#conversation = conversation
    this.#replies = []
    this.#say(recalled(conversation))
  }

  #undo(): void {
    const question = this.#conversation.undo()
    this.#say(question === undefined ? 'There is no question to take back.' : `Taken back: ${neutralise(question)}`)
  }

  async #reset(): Promise<void> {
    await this.#conversation.reset()
    this.#replies = []
    this.#say('The conversation is forgotten.')
  }

  #think(setting: ThinkSetting | undefined): void {
    if (setting !== undefined) {
      const thinkingBudget = typeof setting === 'number' ? setting : undefined
      this.#options = { ...this.#options, thinking: setting !== 'off', thinkingBudget }
    }
    this.#say(this.#thinkingState())
  }

  #thinkingState(): string {
    const { thinking, thinkingBudget } = this.#options
    if (thinking === undefined) return 'Thinking is left to the model.'
    if (!thinking) return 'Thinking is off.'
    return thinkingBudget === undefined ? 'Thinking is on.' : `Thinking is on, for at most ${thinkingBudget} tokens.`
  }

  #stats(): string {
    const { contextLength, memory } = this.#model.info
    const last = this.#replies.at(-1)
    const used = last ? last.usage.inputTokens + last.usage.outputTokens : 0
    const written = this.#replies.reduce((sum, { usage }) => sum + usage.outputTokens, 0)
    const lines = [
      `answers   ${grouped(this.#replies.length)}, ${grouped(written)} tokens`,
      `context   ${grouped(used)} of ${grouped(contextLength)} tokens`,
      `memory    ${formatBytes(memory.total)}`,
    ]
    if (last)
      lines.push(`last      ${replySummary(last)}`, `prompt    ${formatSpeed(last.timings.promptTokensPerSecond)}`)
    return lines.join('\n')
  }

  #say(text: string): void {
    console.log(styleOf(process.stdout).dim(text))
  }
}
