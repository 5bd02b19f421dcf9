import { yarnMagnitude } from '../architectures/blocks/rotary.ts'
import type { DecoderConfig, RotaryScaling } from '../architectures/config.ts'
import { CheckpointError } from '../errors.ts'
import { float32, type GgufField, uint32 } from '../weights/gguf-fields.ts'

/** A configuration as a GGUF file's metadata: what architectures/gguf-config.ts reads, and llama.cpp asks for. */
export function configToGguf(config: DecoderConfig, architecture: string, name: string): Map<string, GgufField> {
  const { experts, rotary, headDimension } = config
  const fields = new Map<string, GgufField>()
  const set = (key: string, field: GgufField) => fields.set(`${architecture}.${key}`, field)
  set('block_count', uint32(config.layers))
  set('context_length', uint32(config.contextLength))
  set('embedding_length', uint32(config.width))
  set('feed_forward_length', uint32(config.feedForwardWidth))
  set('attention.head_count', uint32(config.heads))
  set('attention.head_count_kv', uint32(config.keyValueHeads))
  set('attention.key_length', uint32(headDimension))
  set('attention.value_length', uint32(headDimension))
  set('attention.layer_norm_rms_epsilon', float32(config.epsilon))
  set('rope.freq_base', float32(rotary.base))
  set('rope.dimension_count', uint32(rotary.dimensions))
  set('vocab_size', uint32(config.vocabulary))
  if (experts) {
    set('expert_count', uint32(experts.count))
    set('expert_used_count', uint32(experts.used))
    set('expert_feed_forward_length', uint32(experts.width))
    if (!experts.normalise) set('expert_weights_norm', { value: false })
  }
  for (const [key, field] of scalingToGguf(rotary.scaling, name)) set(`rope.scaling.${key}`, field)
  return fields
}

/** Llama 3's scaling is no metadata but a tensor (see `rotaryDivisors`). */
function scalingToGguf(scaling: RotaryScaling, name: string): [string, GgufField][] {
  switch (scaling.type) {
    case 'linear':
      return [
        ['type', { value: 'linear' }],
        ['factor', float32(scaling.factor)],
      ]
    case 'yarn': {
      if (!scaling.truncate) throw notInGguf(name, 'rope_scaling.truncate')
      const fields: [string, GgufField][] = [
        ['type', { value: 'yarn' }],
        ['factor', float32(scaling.factor)],
        ['original_context_length', uint32(scaling.originalContextLength)],
        ['yarn_beta_fast', float32(scaling.betaFast)],
        ['yarn_beta_slow', float32(scaling.betaSlow)],
      ]
      const usual = yarnMagnitude(scaling.factor)
      if (scaling.magnitude !== usual) fields.push(['attn_factor', float32(scaling.magnitude / usual)])
      return fields
    }
    default:
      return []
  }
}

function notInGguf(file: string, field: string): CheckpointError {
  return new CheckpointError('unsupported-architecture', `${file}: GGUF has no words for ${field}.`, {
    file,
    field,
    remedy: 'Run the folder as it is.',
  })
}
