import { OptionError } from '../errors.ts'

/** How the next token is drawn. The order in which the settings act is described at `Sampler`. */
export interface SamplingSettings {
  /** Divides the logits; 0 takes the most likely token (greedy). */
  readonly temperature: number
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number
  /** Keep the fewest most likely tokens whose probabilities add up to this; 1 keeps all. */
  readonly topP: number
  /** Keep tokens at least this share as likely as the most likely one; 0 keeps all. */
  readonly minP: number
  /** Logits of tokens seen in the prompt or the reply are divided (above 0) or multiplied (below) by this; 1 is off. */
  readonly repetitionPenalty: number
  /** Subtracted from a token's logit for every time the reply has used it. */
  readonly frequencyPenalty: number
  /** Subtracted once from the logit of every token the reply has used. */
  readonly presencePenalty: number
  /** A whole number; the same seed, settings and logits give the same tokens. */
  readonly seed: number
}

interface Range {
  readonly holds: (value: number) => boolean
  readonly words: string
}

const atLeastZero: Range = { holds: (x) => x >= 0 && Number.isFinite(x), words: 'a number of at least 0' }
const share: Range = { holds: (x) => x >= 0 && x <= 1, words: 'between 0 and 1' }
const shift: Range = { holds: (x) => x >= -2 && x <= 2, words: 'between -2 and 2' }
const natural: Range = { holds: (x) => x >= 0 && Number.isSafeInteger(x), words: 'a whole number of at least 0' }

export const SAMPLING_RANGES: Readonly<Record<keyof SamplingSettings, Range>> = {
  temperature: atLeastZero,
  topK: natural,
  topP: share,
  minP: share,
  repetitionPenalty: { holds: (x) => x > 0 && Number.isFinite(x), words: 'a number above 0' },
  frequencyPenalty: shift,
  presencePenalty: shift,
  seed: natural,
}

/** @throws OptionError that names the first setting outside its range. Settings left undefined are not judged. */
export function checkSampling(settings: Partial<SamplingSettings>): void {
  for (const name of Object.keys(SAMPLING_RANGES) as (keyof SamplingSettings)[]) {
    const value: unknown = settings[name]
    if (value === undefined) continue
    const range = SAMPLING_RANGES[name]
    if (typeof value !== 'number' || !range.holds(value)) {
      throw new OptionError(name, `${name} must be ${range.words}, not ${String(value)}.`)
    }
  }
}
