import type { JsonObject, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'
import { quoted } from '../weights/quoted.ts'
import type { Architecture } from './architecture.ts'
import { yarnMagnitude } from './blocks/rotary.ts'
import { checkConfig, type DecoderConfig, type RotaryScaling } from './config.ts'
import { Hyperparameters } from './hyperparameters.ts'

/** The configuration in config.json, as on the hub (`rope_theta`, `rope_scaling`) or of transformers 5 (`rope_parameters`). */
export function huggingFaceConfig(
  checkpoint: SafetensorsCheckpoint,
  { huggingFaceTensors, huggingFaceExperts }: Architecture,
): DecoderConfig {
  const { config, tensors, name } = checkpoint
  const file = `${name}/config.json`
  const parameters = new Hyperparameters(file, (key) => config[key])
  const rope = ropeParameters(config, file)
  const width = parameters.size('hidden_size')
  const heads = parameters.size('num_attention_heads')
  const headDimension = parameters.size('head_dim', width / heads)
  const activation = parameters.text('hidden_act', 'silu')
  if (activation !== 'silu') throw parameters.unsupported('hidden_act', activation)
  refuseSlidingWindow(parameters)
  refuseQuantization(config, file)
  const vocabulary = tensors.get(huggingFaceTensors['token_embd.weight'])?.shape[0]
  return checkConfig(parameters, {
    layers: parameters.size('num_hidden_layers'),
    width,
    feedForwardWidth: parameters.size('intermediate_size'),
    experts: huggingFaceExperts?.(parameters),
    heads,
    keyValueHeads: parameters.size('num_key_value_heads', heads),
    headDimension,
    vocabulary: vocabulary ?? parameters.size('vocab_size'),
    contextLength: parameters.size('max_position_embeddings'),
    epsilon: parameters.positive('rms_norm_eps'),
    rotary: {
      dimensions: headDimension,
      base: rope.positive('rope_theta', parameters.positive('rope_theta', 10000)),
      pairing: 'half',
      scaling: rotaryScaling(rope, parameters),
    },
  })
}

/** Mistral slides whenever it has a window; others only when they say so. A window as long as the context hides nothing. */
function refuseSlidingWindow(parameters: Hyperparameters): void {
  if (parameters.boolean('use_sliding_window', false)) throw parameters.unsupported('use_sliding_window', 'true')
  if (parameters.has('use_sliding_window') || !parameters.has('sliding_window')) return
  const window = parameters.size('sliding_window')
  if (window < parameters.size('max_position_embeddings'))
    throw parameters.unsupported('sliding_window', String(window))
}

/** 8-bit floats with a factor a block are the only quantisation of these folders that this version reads. */
function refuseQuantization({ quantization_config: quantization }: JsonObject, file: string): void {
  if (!isJsonObject(quantization)) return
  const parameters = new Hyperparameters(file, (key) => quantization[key], 'quantization_config.')
  const method = parameters.text('quant_method', 'none')
  if (method !== 'fp8') throw parameters.unsupported('quant_method', quoted(method))
  const block = [quantization.weight_block_size].flat().join(' by ')
  if (block !== '128 by 128') throw parameters.unsupported('weight_block_size', block === '' ? 'missing' : block)
}

function ropeParameters(config: JsonObject, file: string): Hyperparameters {
  const nested = config.rope_parameters ?? config.rope_scaling
  const rope = typeof nested === 'object' && nested !== null && !Array.isArray(nested) ? nested : {}
  return new Hyperparameters(file, (key) => rope[key])
}

function rotaryScaling(rope: Hyperparameters, parameters: Hyperparameters): RotaryScaling {
  const type = rope.text('rope_type', rope.text('type', 'default'))
  switch (type) {
    case 'default':
      return { type: 'none' }
    case 'linear':
      return { type, factor: rope.positive('factor') }
    case 'llama3':
      return {
        type,
        factor: rope.positive('factor'),
        lowFrequencyFactor: rope.positive('low_freq_factor'),
        highFrequencyFactor: rope.positive('high_freq_factor'),
        originalContextLength: rope.size('original_max_position_embeddings'),
      }
    case 'yarn':
      return yarn(rope, parameters)
    default:
      throw rope.unsupported('rope_type', type)
  }
}

function yarn(rope: Hyperparameters, parameters: Hyperparameters): RotaryScaling {
  const factor = rope.positive('factor')
  const bothScales = rope.has('mscale') && rope.has('mscale_all_dim')
  const derived = bothScales
    ? yarnMagnitude(factor, rope.number('mscale')) / yarnMagnitude(factor, rope.number('mscale_all_dim'))
    : yarnMagnitude(factor)
  return {
    type: 'yarn',
    factor,
    originalContextLength: rope.size('original_max_position_embeddings', parameters.size('max_position_embeddings')),
    betaFast: rope.positive('beta_fast', 32),
    betaSlow: rope.positive('beta_slow', 1),
    magnitude: rope.positive('attention_factor', derived),
    truncate: rope.boolean('truncate', true),
  }
}
