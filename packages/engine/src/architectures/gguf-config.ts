import type { GgufCheckpoint } from '../weights/checkpoint.ts'
import { readFloat32 } from '../weights/read.ts'
import type { Architecture } from './architecture.ts'
import { yarnMagnitude } from './blocks/rotary.ts'
import { checkHeads, type DecoderConfig, type RotaryScaling } from './config.ts'
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
  return checkHeads(parameters, {
    layers: parameters.size('block_count'),
    width,
    feedForwardWidth: parameters.size('feed_forward_length'),
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
