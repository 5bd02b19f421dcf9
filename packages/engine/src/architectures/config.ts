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

/** The numbers of a decoder, whichever file they came from. */
export interface DecoderConfig {
  readonly layers: number
  readonly width: number
  readonly feedForwardWidth: number
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

/** Refuses head counts and sizes that no attention can be built from. */
export function checkHeads(parameters: Hyperparameters, config: DecoderConfig): DecoderConfig {
  const { heads, keyValueHeads, headDimension, rotary } = config
  if (heads % keyValueHeads !== 0) {
    throw parameters.unsupported('attention.head_count', `${heads} over ${keyValueHeads} key-value heads`)
  }
  if (!Number.isInteger(headDimension) || headDimension > LARGEST_HEAD) {
    throw parameters.unsupported('attention.key_length', String(headDimension))
  }
  if (rotary.dimensions % 2 !== 0 || rotary.dimensions > headDimension) {
    throw parameters.unsupported('rope.dimension_count', `${rotary.dimensions} of ${headDimension}`)
  }
  return config
}
