import type { LoadOptions, load, ReplyOptions } from '../index.ts'
import { domErrorOf } from './dom-errors.ts'
import {
  type LanguageModelMessage,
  type LanguageModelMessageContent,
  type LanguageModelTool,
  messagesOf,
  toolsOf,
} from './prompt.ts'
import { LanguageModelSession, type SamplingMode, type SessionSetting } from './session.ts'
import { SharedModel } from './shared-model.ts'

export type {
  LanguageModelMessage,
  LanguageModelMessageContent,
  LanguageModelPrompt,
  LanguageModelTool,
} from './prompt.ts'
export { type LanguageModelPromptOptions, LanguageModelSession, type SamplingMode } from './session.ts'

export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available'

interface Expected {
  readonly type: LanguageModelMessageContent['type']
  readonly languages?: readonly string[]
}

export interface LanguageModelCreateCoreOptions {
  readonly topK?: number
  readonly temperature?: number
  readonly samplingMode?: SamplingMode
  readonly expectedInputs?: readonly Expected[]
  readonly expectedOutputs?: readonly Expected[]
  readonly tools?: readonly LanguageModelTool[]
}

export interface LanguageModelCreateOptions extends LanguageModelCreateCoreOptions {
  /** Also ends the session later. */
  readonly signal?: AbortSignal
  /** Given a target of `downloadprogress` events, whose `loaded` goes from 0 to 1. */
  readonly monitor?: (monitor: EventTarget) => void
  readonly initialPrompts?: readonly LanguageModelMessage[]
}

export interface LanguageModelOptions extends Omit<LoadOptions, 'signal' | 'onProgress'> {
  /** How every session answers, unless its own options say otherwise. */
  readonly reply?: ReplyOptions
}

/** The static side of `LanguageModel`. */
export interface LanguageModel {
  create(options?: LanguageModelCreateOptions): Promise<LanguageModelSession>
  availability(options?: LanguageModelCreateCoreOptions): Promise<Availability>
}

/** By default as the model's maker advises. */
const TEMPERATURES: ReadonlyMap<SamplingMode, Pick<ReplyOptions, 'temperature'>> = new Map([
  ['default', {}],
  ['balanced', {}],
  ['most-predictable', { temperature: 0 }],
  ['predictable', { temperature: 0.4 }],
  ['creative', { temperature: 1 }],
  ['most-creative', { temperature: 1.3 }],
])

const TEXT_TYPES: readonly Expected['type'][] = ['text', 'tool-call', 'tool-response']

/**
 * The Prompt API of browsers (https://webmachinelearning.github.io/prompt-api/) with a model of one's own behind it: for pages
 * that are written for the built-in model, where there is none. The model is loaded for the first session and unloaded
 * after the last. Answers held to a schema (`responseConstraint`), pictures, sound and answers that are begun (`prefix`) are refused
 * as not supported.
 *
 *     globalThis.LanguageModel ??= languageModel('hf:Qwen/Qwen3-0.6B-GGUF')
 *
 * @param reference as for `load`
 */
export function languageModel(
  reference: Parameters<typeof load>[0],
  { reply = {}, ...loadOptions }: LanguageModelOptions = {},
): LanguageModel {
  const model = new SharedModel(reference, loadOptions)
  return {
    async availability(options = {}) {
      if (!isSupported(options)) return 'unavailable'
      if (model.state === 'loaded') return 'available'
      return model.state === 'loading' ? 'downloading' : 'downloadable'
    },
    async create({ signal, monitor, initialPrompts = [], ...options } = {}) {
      if (!isSupported(options)) throw new DOMException('The model reads and writes text only.', 'NotSupportedError')
      const initial = initialPrompts.length === 0 ? [] : messagesOf(initialPrompts, true)
      const setting = settingOf(options, reply)
      const target = new EventTarget()
      monitor?.(target)
      const loaded = await model
        .acquire((part) => target.dispatchEvent(new DownloadProgress(part)), signal)
        .catch((error) => Promise.reject(domErrorOf(error)))
      const sharing = { retain: () => model.retain(), release: () => model.release() }
      try {
        const session = await LanguageModelSession.create(loaded, { ...setting, initial, ...sharing }, signal)
        signal?.addEventListener('abort', () => session.destroy(signal.reason), { once: true })
        return session
      } catch (error) {
        model.release()
        throw domErrorOf(error)
      }
    },
  }
}

/** As browsers', whose ProgressEvent not every engine has. */
class DownloadProgress extends Event {
  readonly lengthComputable = true
  readonly loaded: number
  readonly total = 1

  constructor(loaded: number) {
    super('downloadprogress')
    this.loaded = loaded
  }
}

function isSupported({ expectedInputs = [], expectedOutputs = [] }: LanguageModelCreateCoreOptions): boolean {
  const outputs: readonly Expected['type'][] = ['text', 'tool-call']
  return (
    expectedInputs.every(({ type }) => TEXT_TYPES.includes(type)) &&
    expectedOutputs.every(({ type }) => outputs.includes(type))
  )
}

/** @throws RangeError, TypeError */
function settingOf(
  { topK, temperature, samplingMode = 'default', tools = [] }: LanguageModelCreateCoreOptions,
  reply: ReplyOptions,
): Pick<SessionSetting, 'reply' | 'samplingMode'> {
  const mode = TEMPERATURES.get(samplingMode)
  if (mode === undefined) throw new TypeError(`There is no sampling mode ${samplingMode}.`)
  if ((topK !== undefined && !(topK >= 1)) || (temperature !== undefined && !(temperature >= 0))) {
    throw new RangeError('topK must be at least 1, and temperature at least 0.')
  }
  const asked = {
    ...(topK === undefined ? {} : { topK: Math.min(Math.floor(topK), 2 ** 31 - 1) }),
    ...(temperature === undefined ? {} : { temperature }),
  }
  return {
    reply: { ...reply, ...mode, ...asked, ...(tools.length === 0 ? {} : { tools: toolsOf(tools) }) },
    samplingMode,
  }
}
