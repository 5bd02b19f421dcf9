import type { GgufCheckpoint } from '../weights/checkpoint.ts'
import { readFloat32 } from '../weights/read.ts'
import type { Architecture } from './architecture.ts'
import { yarnMagnitude } from './blocks/rotary.ts'
import { checkConfig, type DecoderConfig, type ExpertsConfig, type RotaryScaling } from './config.ts'
import { Hyperparameters } from './hyperparameters.ts'

/** The configuration in a GGUF file's metadata; key names are those of the GGUF specification. */
export async function ggufConfig(
  checkpoint: GgufCheckpoint,
  architecture: Architecture,
  signal?: AbortSignal,
): Promise<DecoderConfig> {
  const { metadata, tensors, name: file } = checkpoint
  const prefix = `${architecture.name}.`
  const parameters = new Hyperparameters(file, (key) => metadata.get(prefix + key), prefix)
  const width = parameters.size('embedding_length')
  const heads = parameters.size('attention.head_count')
  const headDimension = parameters.size('attention.key_length', width / heads)
  const dimensions = parameters.size('rope.dimension_count', headDimension)
  const divisors = tensors.get('rope_freqs.weight')
  const feedForwardWidth = parameters.size('feed_forward_length')
  return checkConfig(parameters, {
    layers: parameters.size('block_count'),
    width,
    feedForwardWidth,
    experts: expertsOf(parameters, feedForwardWidth),
    heads,
    keyValueHeads: parameters.size('attention.head_count_kv', heads),
    headDimension,
    // The table is the truth: metadata may leave the size out, and tables are padded.
    vocabulary: tensors.get('token_embd.weight')?.shape[0] ?? 0,
    contextLength: parameters.size('context_length'),
    epsilon: parameters.positive('attention.layer_norm_rms_epsilon'),
    rotary: {
      dimensions,
      base: parameters.positive('rope.freq_base', 10000),
      pairing: architecture.ggufPairing,
      scaling:
        divisors && divisors.shape.length === 1 && divisors.shape[0] === dimensions / 2
          ? { type: 'divisors', divisors: await readFloat32(divisors, signal) }
          : rotaryScaling(parameters),
    },
  })
}

/** Softmax, the only one of ggml's ids of routers that this version runs; 0 leaves it to the architecture. */
const SOFTMAX_ROUTER = 1

function expertsOf(parameters: Hyperparameters, feedForwardWidth: number): ExpertsConfig | undefined {
  if (parameters.number('expert_count', 0) === 0) return undefined
  const router = parameters.number('expert_gating_func', SOFTMAX_ROUTER)
  if (router !== SOFTMAX_ROUTER && router !== 0) throw parameters.unsupported('expert_gating_func', String(router))
  // What other mixtures have beside it, as 0 or 1 where they have not.
  for (const key of ['expert_shared_count', 'expert_group_count', 'expert_weights_scale']) {
    const value = parameters.number(key, 0)
    const none = key === 'expert_shared_count' ? value === 0 : value === 0 || value === 1
    if (!none) throw parameters.unsupported(key, String(value))
  }
  return {
    count: parameters.size('expert_count'),
    used: parameters.size('expert_used_count'),
    width: parameters.size('expert_feed_forward_length', feedForwardWidth),
    normalise: parameters.boolean('expert_weights_norm', true),
  }
}

function rotaryScaling(parameters: Hyperparameters): RotaryScaling {
  const type = parameters.text('rope.scaling.type', 'none')
  switch (type) {
    case 'none':
      return { type }
    case 'linear':
      return { type, factor: parameters.positive('rope.scaling.factor') }
    case 'yarn': {
      const factor = parameters.positive('rope.scaling.factor')
      return {
        type,
        factor,
        originalContextLength: parameters.size('rope.scaling.original_context_length'),
        betaFast: parameters.positive('rope.scaling.yarn_beta_fast', 32),
        betaSlow: parameters.positive('rope.scaling.yarn_beta_slow', 1),
        magnitude: yarnMagnitude(factor) * parameters.positive('rope.scaling.attn_factor', 1),
        truncate: true,
      }
    }
    default:
      throw parameters.unsupported('rope.scaling.type', type)
  }
}
