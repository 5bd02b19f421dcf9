import type { RotaryPairing } from '../graph/operations.ts'
import type { Hyperparameters } from './hyperparameters.ts'

/** How rotary frequencies are stretched beyond the context a model was first trained on. */
export type RotaryScaling =
  | { readonly type: 'none' }
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalContextLength: number
    }
  | {
      readonly type: 'yarn'
      readonly factor: number
      readonly originalContextLength: number
      readonly betaFast: number
      readonly betaSlow: number
      /** Multiplies cosine and sine. */
      readonly magnitude: number
      /** Round the range of the ramp outwards to whole dimensions. */
      readonly truncate: boolean
    }
  /** One divisor a pair, as GGUF bakes llama3 scaling into `rope_freqs.weight`. */
  | { readonly type: 'divisors'; readonly divisors: Float32Array }

export interface RotaryConfig {
  /** Dimensions of a head that turn. */
  readonly dimensions: number
  readonly base: number
  readonly pairing: RotaryPairing
  readonly scaling: RotaryScaling
}

/** The experts of a layer (see `ExpertsOperation`). */
export interface ExpertsConfig {
  readonly count: number
  /** Experts that a token is sent to. */
  readonly used: number
  /** Feed-forward width of one. */
  readonly width: number
  readonly normalise: boolean
}

/** The numbers of a decoder, whichever file they came from. */
export interface DecoderConfig {
  readonly layers: number
  readonly width: number
  readonly feedForwardWidth: number
  /** Of the layers that have a router; the others are dense. */
  readonly experts: ExpertsConfig | undefined
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDimension: number
  readonly vocabulary: number
  readonly contextLength: number
  /** Of the RMS norms. */
  readonly epsilon: number
  readonly rotary: RotaryConfig
}

const LARGEST_HEAD = 8192
/** Of all layers together. The largest models have 25,000. */
const MOST_EXPERTS = 65_536

/** Refuses counts and sizes that no attention and no mixture can be built from. */
export function checkConfig(parameters: Hyperparameters, config: DecoderConfig): DecoderConfig {
  const { heads, keyValueHeads, headDimension, rotary, experts, layers } = config
  if (heads % keyValueHeads !== 0) {
    throw parameters.unsupported('attention.head_count', `${heads} over ${keyValueHeads} key-value heads`)
  }
  if (!Number.isInteger(headDimension) || headDimension > LARGEST_HEAD) {
    throw parameters.unsupported('attention.key_length', String(headDimension))
  }
  if (rotary.dimensions % 2 !== 0 || rotary.dimensions > headDimension) {
    throw parameters.unsupported('rope.dimension_count', `${rotary.dimensions} of ${headDimension}`)
  }
  if (experts && experts.count * layers > MOST_EXPERTS) {
    throw parameters.unsupported('expert_count', `${experts.count} in each of ${layers} layers`)
  }
  if (experts && experts.used > experts.count) {
    throw parameters.unsupported('expert_used_count', `${experts.used} of ${experts.count}`)
  }
  return config
}
