import { TemplateError } from '../errors.ts'
import { JinjaTemplate, TemplateRefusal } from './jinja.ts'
import type { Message } from './message.ts'
import { type ThoughtTags, thoughtTagsOf } from './thought-tags.ts'

export interface RenderOptions {
  /** End with the words that open the assistant's turn; default true. */
  readonly addGenerationPrompt?: boolean
  /** Sets the template's own switch, where it has one; left out, the template's default holds. */
  readonly thinking?: boolean | undefined
  /** Further variables the template reads (`chat_template_kwargs` elsewhere). */
  readonly variables?: Readonly<Record<string, unknown>>
  /** The time that templates write into the system turn; default now. */
  readonly now?: Date
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

const PROBE: readonly Message[] = [{ role: 'user', content: 'Hi' }]

/** Writes messages as the text a model was trained on, by the Jinja template of its checkpoint. */
export class ChatTemplate {
  readonly #jinja: JinjaTemplate
  readonly #specialTokens: ReadonlyMap<string, string>
  readonly #name: string
  readonly #switchVariable: string | undefined
  /** Undefined for a template that knows no thoughts. */
  readonly thinking: ThinkingStyle | undefined

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

  /**
   * The template's own text for the messages, unchanged.
   * @throws TemplateError when the template refuses the messages, fails, or does not end.
   */
  render(messages: readonly Message[], options: RenderOptions = {}): string {
    const { addGenerationPrompt = true, thinking, variables, now } = options
    const thinkingSwitch =
      thinking === undefined || this.#switchVariable === undefined ? {} : { [this.#switchVariable]: thinking }
    const all = {
      ...Object.fromEntries(this.#specialTokens),
      ...thinkingSwitch,
      ...variables,
      messages: messages.map(fields),
      add_generation_prompt: addGenerationPrompt,
    }
    try {
      return this.#jinja.render(all, now === undefined ? {} : { now })
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
    try {
      return this.render(PROBE, { thinking, now: new Date(0) })
    } catch {
      return undefined
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

/** A message under the names templates use; absent fields must be absent, not null. */
function fields({ role, content, reasoning }: Message): Record<string, string> {
  return { role, content, ...(reasoning === undefined ? {} : { reasoning_content: reasoning }) }
}
