import { CheckpointError } from '../errors.ts'
import type { GgufField } from '../weights/gguf-fields.ts'
import { randomSeed } from './random.ts'
import { checkSampling, SAMPLING_RANGES, type SamplingSettings } from './sampling-settings.ts'

/** What an unknown model gets: the numbers llama.cpp starts with, which suit small quantised models. */
const GENERAL: Omit<SamplingSettings, 'seed'> = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
}

type Advice = Partial<SamplingSettings>

interface FamilyAdvice {
  /** Where `general.architecture` and `general.name` (or the repository's name) tell the family. */
  readonly matches: (architecture: string, name: string) => boolean
  readonly thinking: Advice
  readonly direct: Advice
}

/** The numbers on the model cards, first match first. */
const CARDS: readonly FamilyAdvice[] = [
  // The next two are fine-tunes of other families, so only their names tell.
  {
    matches: (_, name) => /deepseek[-_ ]?r1/i.test(name),
    thinking: { temperature: 0.6, topP: 0.95, topK: 0, minP: 0 },
    direct: { temperature: 0.6, topP: 0.95, topK: 0, minP: 0 },
  },
  {
    matches: (_, name) => /qwq/i.test(name),
    thinking: { temperature: 0.6, topP: 0.95, topK: 40, minP: 0 },
    direct: { temperature: 0.6, topP: 0.95, topK: 40, minP: 0 },
  },
  {
    matches: (architecture) => /^qwen3/.test(architecture),
    thinking: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0 },
    direct: { temperature: 0.7, topP: 0.8, topK: 20, minP: 0 },
  },
]

export interface SamplingSources {
  /** What the call asks for. */
  readonly call?: Partial<SamplingSettings> | undefined
  /** What the conversation or model was set to. */
  readonly conversation?: Partial<SamplingSettings> | undefined
  /** From `samplingOfGenerationConfig` or `samplingOfGguf`. */
  readonly checkpoint?: Partial<SamplingSettings> | undefined
  readonly architecture: string
  /** The model's name, as far as known. */
  readonly name?: string | undefined
  readonly thinking: boolean
}

/**
 * The settings of a reply: each from the first source that has it, of the call, the conversation, the checkpoint's
 * file, the card's advice for the family and mode, and general defaults. A file has numbers for one mode only: where it
 * repeats the card's for thinking, and the model shall answer directly, the card comes before the file.
 * Without a seed from call or conversation a fresh one is chosen.
 * @throws OptionError when call or conversation hold a value outside its range.
 */
export function resolveSampling(sources: SamplingSources): SamplingSettings {
  const { call = {}, conversation = {}, checkpoint = {}, architecture, name = '', thinking } = sources
  checkSampling(call)
  checkSampling(conversation)
  const card = CARDS.find((family) => family.matches(architecture, name))
  const advice = (thinking ? card?.thinking : card?.direct) ?? {}
  const cardFirst = !thinking && card !== undefined && repeats(checkpoint, card.thinking)
  const layers = [call, conversation, ...(cardFirst ? [advice, checkpoint] : [checkpoint, advice])]
  const first = (setting: keyof typeof GENERAL) =>
    layers.find((layer) => layer[setting] !== undefined)?.[setting] ?? GENERAL[setting]
  return {
    temperature: first('temperature'),
    topK: first('topK'),
    topP: first('topP'),
    minP: first('minP'),
    repetitionPenalty: first('repetitionPenalty'),
    frequencyPenalty: first('frequencyPenalty'),
    presencePenalty: first('presencePenalty'),
    seed: call.seed ?? conversation.seed ?? randomSeed(),
  }
}

/** GGUF stores 32-bit floats: 0.95 comes back as 0.949999988. */
function repeats(checkpoint: Partial<SamplingSettings>, advice: Advice): boolean {
  const stated = (['temperature', 'topP', 'topK'] as const).filter((name) => checkpoint[name] !== undefined)
  return stated.length > 0 && stated.every((name) => Math.abs((checkpoint[name] ?? 0) - (advice[name] ?? 0)) < 1e-6)
}

const CONFIG_KEYS = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
} as const

const GGUF_KEYS = {
  'general.sampling.temp': 'temperature',
  'general.sampling.top_k': 'topK',
  'general.sampling.top_p': 'topP',
  'general.sampling.min_p': 'minP',
  'general.sampling.penalty_repeat': 'repetitionPenalty',
} as const

/**
 * The advice in a parsed generation_config.json. `do_sample: false` means greedy; `do_sample: true` without a
 * temperature means 1, as in transformers. Its other implied defaults (top-k 50) are not applied.
 * @throws CheckpointError for a number outside its range.
 */
export function samplingOfGenerationConfig(config: Readonly<Record<string, unknown>>, file: string): Advice {
  const stated = pick(CONFIG_KEYS, (key) => config[key], file)
  if (config.do_sample === false) return { ...stated, temperature: 0 }
  if (config.do_sample === true) return { temperature: 1, ...stated }
  return stated
}

/**
 * The advice in a GGUF header (`general.sampling.*`).
 * @throws CheckpointError for a number outside its range.
 */
export function samplingOfGguf(metadata: ReadonlyMap<string, unknown>, file: string): Advice {
  return pick(GGUF_KEYS, (key) => metadata.get(key), file)
}

/** The advice as a GGUF header has it. */
export function samplingToGguf(advice: Advice): Map<string, GgufField> {
  const fields = new Map<string, GgufField>()
  for (const [key, name] of Object.entries(GGUF_KEYS)) {
    const value = advice[name]
    if (value !== undefined) fields.set(key, { type: name === 'topK' ? 'int32' : 'float32', value })
  }
  return fields
}

function pick(
  keys: Readonly<Record<string, keyof SamplingSettings>>,
  read: (key: string) => unknown,
  file: string,
): Advice {
  const advice: { -readonly [Name in keyof SamplingSettings]?: number } = {}
  for (const [key, name] of Object.entries(keys)) {
    const stated = read(key)
    if (stated === undefined || stated === null) continue
    // Some files write -1 for "no top-k", as vLLM does.
    const value = name === 'topK' && stated === -1 ? 0 : stated
    const range = SAMPLING_RANGES[name]
    if (typeof value !== 'number' || !range.holds(value)) {
      throw new CheckpointError('invalid-checkpoint', `${key} must be ${range.words}, not ${String(stated)}.`, {
        file,
        field: key,
        remedy: `Correct ${key} in the file, or remove it to use the defaults.`,
      })
    }
    advice[name] = value
  }
  return advice
}
