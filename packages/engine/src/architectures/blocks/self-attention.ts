import type { Value } from '../../graph/operations.ts'
import type { Recorder } from '../../graph/recorder.ts'
import type { DecoderConfig } from '../config.ts'
import type { ModelWeights } from '../model-weights.ts'
import { project } from './project.ts'

export interface SelfAttentionOptions {
  /** Normalise each head of q and k before it is rotated, as Qwen3 does. */
  readonly queryKeyNorm: boolean
}

/** What a position does to a head, the same in every layer. */
export interface Rotation {
  readonly inverseFrequencies: Float32Array
  readonly magnitude: number
}

/**
 * Grouped-query self-attention with rotary positions: Wo Attention(rope(Wq x), rope(Wk x), Wv x).
 * x [tokens, width] -> [tokens, width]
 */
export function selfAttention(
  graph: Recorder,
  weights: ModelWeights,
  config: DecoderConfig,
  layer: number,
  x: Value,
  rotation: Rotation,
  { queryKeyNorm }: SelfAttentionOptions,
): Value {
  const { width, heads, keyValueHeads, headDimension, epsilon } = config
  const rotary = { headDimension, pairing: config.rotary.pairing, ...rotation }
  const name = (part: string) => `blk.${layer}.${part}`

  let q = project(graph, weights, x, name('attn_q'), heads * headDimension)
  let k = project(graph, weights, x, name('attn_k'), keyValueHeads * headDimension)
  const v = project(graph, weights, x, name('attn_v'), keyValueHeads * headDimension)
  if (queryKeyNorm) {
    q = graph.normalize(q, weights.vector(name('attn_q_norm.weight'), headDimension), epsilon, name('attn_q_norm'))
    k = graph.normalize(k, weights.vector(name('attn_k_norm.weight'), headDimension), epsilon, name('attn_k_norm'))
  }
  const attended = graph.attention(
    graph.rotate(q, { heads, ...rotary }, name('attn_q_rope')),
    graph.rotate(k, { heads: keyValueHeads, ...rotary }, name('attn_k_rope')),
    v,
    { state: graph.keyValueState(keyValueHeads, headDimension), heads, scale: headDimension ** -0.5 },
    name('attn_heads'),
  )
  return project(graph, weights, attended, name('attn_output'), width)
}
