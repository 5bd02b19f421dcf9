import { OptionError } from '../errors.ts'
import { checkAlternatives, logprobs } from '../generate/logprobs.ts'
import { Sampler } from '../generate/sampler.ts'
import { resolveSampling } from '../generate/sampling-defaults.ts'
import type { SamplingSettings } from '../generate/sampling-settings.ts'
import { StopStrings } from '../generate/stop-strings.ts'
import { TextStream } from '../tokenizer/text-stream.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { ReasoningSplitter, type ReplyDelta } from './reasoning.ts'
import {
  type FinishReason,
  type Reply,
  type ReplyOptions,
  type ReplyPart,
  type TokenLogprob,
  timingsOf,
} from './reply.ts'
import type { ThinkingStyle } from './template.ts'
import { ThinkingBudget, thoughtLimit } from './thinking-budget.ts'
import { type AnswerPart, ToolCallSplitter } from './tool-call-splitter.ts'
import { type ToolForm, tagsOf } from './tool-forms.ts'
import type { ToolCall } from './tools.ts'

export interface ReplySetting {
  readonly tokenizer: Tokenizer
  /** Logits a token. */
  readonly vocabulary: number
  readonly architecture: string
  readonly name: string
  /** The checkpoint's own sampling advice. */
  readonly sampling: Partial<SamplingSettings>
  /** How the template has the model think; undefined for a raw prompt or a model that does not. */
  readonly thinkingStyle: ThinkingStyle | undefined
  /** The prompt has opened the thought. */
  readonly insideThought: boolean
  /** How the model writes calls, and how many the conversation has seen; undefined where it was given no functions. */
  readonly tools: { readonly form: ToolForm; readonly callsBefore: number } | undefined
  readonly options: ReplyOptions
  readonly prompt: Int32Array
  /** The prompt is text that the reply goes on with, not a turn that it answers. */
  readonly continuesText: boolean
  /** Tokens left in the context behind the prompt. */
  readonly room: number
  readonly emit: (part: ReplyPart) => void
}

/** Writes one reply: takes the logits of each new token, draws the next, and tells what can be shown. */
export class ReplyWriter {
  /** Most tokens of this reply. */
  readonly maxTokens: number
  readonly #setting: ReplySetting
  readonly #sampler: Sampler
  readonly #stream: TextStream
  readonly #splitter: ReasoningSplitter
  readonly #budget: ThinkingBudget | undefined
  readonly #calls: ToolCallSplitter | undefined
  /** Texts of control tokens that are shown all the same, for they are looked for in the text. */
  readonly #tags: ReadonlySet<string>
  readonly #toolCalls: ToolCall[] = []
  readonly #stops: StopStrings
  readonly #logprobs: TokenLogprob[] | undefined
  #text = ''
  #reasoning = ''
  #outputTokens = 0
  #finishReason: FinishReason | undefined
  #cachedTokens = 0
  #startedAt = performance.now()
  #firstAt: number | undefined
  #lastAt = this.#startedAt

  /** @throws OptionError */
  constructor(setting: ReplySetting) {
    const { tokenizer, vocabulary, options, thinkingStyle, insideThought, tools, room } = setting
    this.#setting = setting
    checkOptions(options, thinkingStyle !== undefined)
    this.maxTokens = Math.min(options.maxTokens ?? room, room)
    const thinks = thinkingStyle !== undefined && wantsThought(options) !== false
    this.#sampler = new Sampler(samplingOf(setting, thinks), vocabulary)
    this.#sampler.acceptPrompt(setting.prompt)
    this.#stream = new TextStream(tokenizer, { special: false, continues: setting.continuesText })
    this.#splitter = new ReasoningSplitter(thinks ? thinkingStyle.tags : undefined, insideThought)
    this.#budget = thinks ? this.#thinkingBudget(thinkingStyle) : undefined
    this.#calls = tools && new ToolCallSplitter(tools.form, tools.callsBefore)
    const thoughtTags = thinkingStyle ? [thinkingStyle.tags.open, thinkingStyle.tags.close] : []
    this.#tags = new Set([...thoughtTags, ...(tools ? tagsOf(tools.form) : [])])
    this.#stops = new StopStrings(options.stop ?? [])
    this.#logprobs = options.logprobs === undefined ? undefined : []
  }

  /** The prompt is about to be computed, but for its first `cachedTokens`. */
  start(cachedTokens: number): void {
    this.#cachedTokens = cachedTokens
    this.#startedAt = performance.now()
  }

  /**
   * @param logits [1, vocabulary] of the newest token
   * @returns the tokens to go on with, or undefined when the reply is over
   */
  accept(logits: Float32Array): readonly number[] | undefined {
    this.#lastAt = performance.now()
    this.#firstAt ??= this.#lastAt
    const id = this.#sampler.sample(logits)
    if (this.#setting.tokenizer.ends.has(id)) return this.#end()
    this.#logprobs?.push(this.#describe(logits, id))
    this.#write(id, false)
    return this.#goOn([id, ...this.#force(this.#budget?.next() ?? [])])
  }

  /** The whole reply; also given as the last part. */
  finish(): Reply {
    this.#show(this.#splitter.push(this.#stream.flush()))
    this.#show(this.#splitter.flush())
    this.#answer(this.#calls?.flush() ?? [])
    this.#emitText(this.#stops.flush())
    const reply: Reply = {
      text: this.#text,
      reasoning: this.#reasoning === '' ? undefined : this.#reasoning,
      toolCalls: this.#toolCalls,
      finishReason: this.#waits ? 'tool-calls' : (this.#finishReason ?? 'length'),
      usage: {
        inputTokens: this.#setting.prompt.length,
        cachedTokens: this.#cachedTokens,
        outputTokens: this.#outputTokens,
        reasoningTokens: this.#budget?.thoughtTokens ?? 0,
      },
      timings: this.#timings(),
      logprobs: this.#logprobs,
    }
    this.#setting.emit({ type: 'finish', reply })
    return reply
  }

  get #waits(): boolean {
    return this.#finishReason === 'stop' && this.#toolCalls.length > 0 && this.#stops.found === undefined
  }

  /** The model ended its turn. A thought that it left open is closed first, so that an answer follows. */
  #end(): readonly number[] | undefined {
    this.#outputTokens++
    if (this.#splitter.insideThought && this.#budget && this.#budget.forcedTokens === 0) {
      return this.#goOn(this.#force(this.#budget.close()))
    }
    this.#finishReason = 'stop'
    return undefined
  }

  /** Puts in tokens that close the thought, as far as there is room. */
  #force(ids: readonly number[]): readonly number[] {
    const fitting = ids.slice(0, this.maxTokens - this.#outputTokens)
    for (const id of fitting) this.#write(id, true)
    return fitting
  }

  #goOn(ids: readonly number[]): readonly number[] | undefined {
    if (this.#stops.found !== undefined) this.#finishReason = 'stop'
    else if (this.#outputTokens >= this.maxTokens) this.#finishReason = 'length'
    return this.#finishReason === undefined ? ids : undefined
  }

  #write(id: number, forced: boolean): void {
    this.#outputTokens++
    this.#sampler.accept(id)
    const piece = this.#closesAgain(id) ? '' : this.#textOf(id)
    this.#show(this.#splitter.push(piece))
    this.#budget?.accept(piece, forced)
  }

  /** A thought that was closed for the model may run on a little and be closed once more: that tag is no answer. */
  #closesAgain(id: number): boolean {
    const { tokenizer, thinkingStyle } = this.#setting
    if (!this.#budget?.forcedTokens || !thinkingStyle || this.#splitter.insideThought) return false
    return id === tokenizer.idOf(thinkingStyle.tags.close)
  }

  /** Some vocabularies count tags among the control tokens, whose texts are not shown otherwise. */
  #textOf(id: number): string {
    const { tokenizer } = this.#setting
    if (!tokenizer.isSpecial(id) || this.#tags.size === 0) return this.#stream.push(id)
    const text = tokenizer.decode([id])
    return this.#tags.has(text) ? this.#stream.flush() + text : this.#stream.push(id)
  }

  #show(deltas: readonly ReplyDelta[]): void {
    for (const delta of deltas) {
      if (delta.type === 'text-delta') this.#answer(this.#calls?.push(delta.text) ?? [delta])
      else {
        this.#reasoning += delta.text
        this.#setting.emit(delta)
      }
    }
  }

  /** Stop strings are looked for in the text; one cannot lie across a call, and nothing comes behind it. */
  #answer(parts: readonly AnswerPart[]): void {
    for (const part of parts) {
      if (this.#stops.found !== undefined) return
      if (part.type === 'text-delta') this.#emitText(this.#stops.push(part.text))
      else {
        this.#emitText(this.#stops.flush())
        const { type: _, ...call } = part
        this.#toolCalls.push(call)
        this.#setting.emit(part)
      }
    }
  }

  #emitText(text: string): void {
    if (text === '') return
    this.#text += text
    this.#setting.emit({ type: 'text-delta', text })
  }

  #thinkingBudget(style: ThinkingStyle): ThinkingBudget {
    const { tokenizer, options } = this.#setting
    const overhead = tokenizer.encode(`${style.tags.open}\n\n${style.tags.close}${style.afterClose}`).length
    const limit = thoughtLimit(options.thinkingBudget ?? Number.POSITIVE_INFINITY, this.maxTokens, overhead)
    return new ThinkingBudget(limit, style, this.#splitter, (text) => tokenizer.encode(text))
  }

  #describe(logits: Float32Array, id: number): TokenLogprob {
    const { tokenizer, options } = this.#setting
    const withText = ({ id, logprob }: { id: number; logprob: number }) => ({
      id,
      logprob,
      text: tokenizer.decode([id], { continues: true }),
    })
    const chosen = logprobs(logits, id, options.logprobs ?? 0)
    return { ...withText(chosen), top: chosen.top.map(withText) }
  }

  #timings(): Reply['timings'] {
    const firstAt = this.#firstAt ?? this.#startedAt
    const computed = this.#setting.prompt.length - this.#cachedTokens
    return timingsOf(firstAt - this.#startedAt, computed, this.#lastAt - firstAt, this.#outputTokens - 1)
  }
}

/** What the options say about thinking: undefined leaves it to the template. A budget of 0 is no thought at all. */
export function wantsThought({ thinking, thinkingBudget }: ReplyOptions): boolean | undefined {
  return thinkingBudget === 0 ? false : (thinking ?? (thinkingBudget === undefined ? undefined : true))
}

function samplingOf({ options, sampling, architecture, name }: ReplySetting, thinking: boolean): SamplingSettings {
  return resolveSampling({ call: options, checkpoint: sampling, architecture, name, thinking })
}

function checkOptions(options: ReplyOptions, canThink: boolean): void {
  const { maxTokens, thinkingBudget } = options
  const isNatural = (value: number) => Number.isSafeInteger(value) && value >= 0
  if (maxTokens !== undefined && !(isNatural(maxTokens) && maxTokens > 0)) {
    throw new OptionError('maxTokens', `maxTokens must be a whole number above 0, not ${maxTokens}.`)
  }
  if (thinkingBudget !== undefined && !isNatural(thinkingBudget)) {
    throw new OptionError(
      'thinkingBudget',
      `thinkingBudget must be a whole number of at least 0, not ${thinkingBudget}.`,
    )
  }
  if (!canThink && wantsThought(options) === true) {
    throw new OptionError(
      'thinking',
      'This model cannot be asked to think: its template knows no thoughts.',
      'Leave thinking and thinkingBudget out.',
    )
  }
  if (options.logprobs !== undefined) checkAlternatives(options.logprobs)
}
