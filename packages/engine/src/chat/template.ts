import { OptionError, TemplateError } from '../errors.ts'
import { JinjaTemplate, TemplateRefusal } from './jinja.ts'
import type { Message } from './message.ts'
import { messageFields } from './message-fields.ts'
import { type ThoughtTags, thoughtTagsOf } from './thought-tags.ts'
import { definitionFields, type ToolStyle, toolInstructions, toolStyleOf } from './tool-style.ts'
import type { ToolDefinition } from './tools.ts'

export interface RenderOptions {
  /** End with the words that open the assistant's turn; default true. */
  readonly addGenerationPrompt?: boolean
  /** Sets the template's own switch, where it has one; left out, the template's default holds. */
  readonly thinking?: boolean | undefined
  /** Functions that the model is told about. */
  readonly tools?: readonly ToolDefinition[]
  /** Further variables the template reads (`chat_template_kwargs` elsewhere). */
  readonly variables?: Readonly<Record<string, unknown>>
  /** The time that templates write into the system turn; default now. */
  readonly now?: Date
  /** Milliseconds until rendering is given up; default that of jinja.ts. */
  readonly deadline?: number
}

/** A prompt ready to encode. */
export interface Prompt {
  readonly text: string
  /** The prompt's last words open a thought, so the reply starts inside one. */
  readonly insideThought: boolean
}

/** How a template has the model think. */
export interface ThinkingStyle {
  readonly tags: ThoughtTags
  /** What follows the closing tag before the answer. */
  readonly afterClose: string
  /** The template can ask for an answer without a thought. */
  readonly switchable: boolean
}

/** The variables by which templates switch thinking: Qwen3 and most others, then Granite and DeepSeek-V3.1. */
const SWITCHES = ['enable_thinking', 'thinking']

/** What may be spent, in all, on finding out what a template can do. */
const PROBING_MS = 700

const PROBE: readonly Message[] = [{ role: 'user', content: 'Hi' }]

/** Writes messages as the text a model was trained on, by the Jinja template of its checkpoint. */
export class ChatTemplate {
  readonly #jinja: JinjaTemplate
  readonly #specialTokens: ReadonlyMap<string, string>
  readonly #name: string
  readonly #switchVariable: string | undefined
  /** Undefined for a template that knows no thoughts. */
  readonly thinking: ThinkingStyle | undefined
  /** Found when it is first asked for; then a style, or null for a template that knows no functions. */
  #tools: ToolStyle | null | undefined
  #probingMs = PROBING_MS

  /**
   * @param specialTokens what `bos_token`, `eos_token` and so on stand for.
   * @param name the file the template came from, for errors.
   * @throws TemplateError when the source cannot be parsed.
   */
  constructor(source: string, specialTokens: ReadonlyMap<string, string>, name: string) {
    this.#specialTokens = specialTokens
    this.#name = name
    try {
      this.#jinja = new JinjaTemplate(source)
    } catch (error) {
      throw this.#failure('cannot be parsed', error)
    }
    this.#switchVariable = SWITCHES.find((variable) => new RegExp(`(?<![\\w.'"])${variable}(?![\\w'"])`).test(source))
    this.thinking = this.#detectThinking(source)
  }

  /** How the template writes function calls; undefined where it writes none that can be read. */
  get toolStyle(): ToolStyle | undefined {
    if (this.#tools === undefined) {
      const render = (messages: readonly object[], tools: readonly object[]) =>
        this.#attempt((options) => this.#write(messages, { ...options, addGenerationPrompt: false }, tools))
      this.#tools = toolStyleOf(render) ?? null
    }
    return this.#tools ?? undefined
  }

  /**
   * The template's own text for the messages. Where it has calls but does not tell the model which functions there
   * are, as those of DeepSeek, they are described in the system message.
   * @throws TemplateError when the template refuses the messages, fails, or does not end.
   * @throws OptionError for tools where the template knows none.
   */
  render(messages: readonly Message[], options: RenderOptions = {}): string {
    const { tools = [] } = options
    if (tools.length === 0) return this.#write(this.#fields(messages), options)
    const style = this.toolStyle
    if (style === undefined) {
      const problem = `The chat template of ${this.#name} has no function calls that can be read.`
      throw new OptionError('tools', problem, 'Leave tools out, or use a model that was trained to call functions.')
    }
    if (style.definitions) return this.#write(this.#fields(messages), options, tools.map(definitionFields))
    const told = withSystemText(messages, toolInstructions(style, tools))
    return this.#write(this.#fields(told), options, tools.map(definitionFields))
  }

  #fields(messages: readonly Message[]): object[] {
    // The style takes renderings to find out.
    const style = messages.some(({ toolCalls }) => toolCalls !== undefined) ? this.toolStyle : undefined
    return messages.flatMap((message) => messageFields(message, style))
  }

  #write(messages: readonly object[], options: RenderOptions, tools?: readonly object[]): string {
    const { addGenerationPrompt = true, thinking, variables, now, deadline } = options
    const thinkingSwitch =
      thinking === undefined || this.#switchVariable === undefined ? {} : { [this.#switchVariable]: thinking }
    const all = {
      ...Object.fromEntries(this.#specialTokens),
      ...thinkingSwitch,
      ...variables,
      ...(tools === undefined ? {} : { tools }),
      messages,
      add_generation_prompt: addGenerationPrompt,
    }
    try {
      return this.#jinja.render(all, { now, deadline })
    } catch (error) {
      throw this.#failure(error instanceof TemplateRefusal ? 'refuses these messages' : 'cannot be rendered', error)
    }
  }

  /**
   * The text that asks the model for the next turn. Without thinking it contains a finished empty thought, also where
   * the template of a thinking model has no switch for it, so that the model answers directly.
   * @throws TemplateError as `render` does.
   */
  prompt(messages: readonly Message[], options: Omit<RenderOptions, 'addGenerationPrompt'> = {}): Prompt {
    const text = this.render(messages, options)
    const style = this.thinking
    if (style === undefined) return { text, insideThought: false }
    const { open, close } = style.tags
    const opened = text.trimEnd().endsWith(open)
    if (options.thinking !== false) return { text, insideThought: opened }

    const closing = `\n${close}${style.afterClose}`
    if (opened) return { text: `${text}${text.endsWith('\n') ? '' : '\n'}${closing}`, insideThought: false }
    const settled = style.switchable || text.trimEnd().endsWith(close)
    return { text: settled ? text : `${text}${open}\n${closing}`, insideThought: false }
  }

  #detectThinking(source: string): ThinkingStyle | undefined {
    const tags = thoughtTagsOf(source)
    if (tags === undefined) return undefined
    const [on, off] = [true, false].map((thinking) => this.#probe(thinking))
    // Where the template writes an empty thought itself, its spacing is what the model learnt.
    const at = off?.lastIndexOf(tags.close) ?? -1
    const tail = at < 0 ? undefined : off?.slice(at + tags.close.length)
    const afterClose = tail !== undefined && tail.trim() === '' ? tail : '\n\n'
    return { tags, afterClose, switchable: on !== off }
  }

  /** Undefined for a template that refuses a single user turn. */
  #probe(thinking: boolean): string | undefined {
    return this.#attempt((options) => this.render(PROBE, { ...options, thinking }))
  }

  #attempt(render: (options: RenderOptions) => string): string | undefined {
    const start = performance.now()
    try {
      return render({ now: new Date(0), deadline: this.#probingMs })
    } catch {
      return undefined
    } finally {
      this.#probingMs -= performance.now() - start
    }
  }

  #failure(what: string, error: unknown): TemplateError {
    const reason = error instanceof Error ? error.message : String(error)
    return new TemplateError('template-failed', `The chat template of ${this.#name} ${what}: ${reason}.`, {
      file: this.#name,
      field: 'chat_template',
      remedy: 'Send a raw prompt instead of messages; it needs no template.',
    })
  }
}

function withSystemText(messages: readonly Message[], text: string): readonly Message[] {
  const [first, ...others] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages]
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...others]
}
