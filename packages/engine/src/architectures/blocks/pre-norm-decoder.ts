import type { Graph } from '../../graph/operations.ts'
import { Recorder } from '../../graph/recorder.ts'
import type { DecoderConfig } from '../config.ts'
import type { ModelWeights } from '../model-weights.ts'
import { feedForward } from './feed-forward.ts'
import { outputHead } from './head.ts'
import { mixture } from './mixture.ts'
import { rotaryFrequencies } from './rotary.ts'
import { type SelfAttentionOptions, selfAttention } from './self-attention.ts'

/**
 * The decoder most families are a variation of:
 *
 *     x = E[token]
 *     per layer:  h = x + Attention(norm(x))
 *                 x = h + FeedForward(norm(h))
 *     logits = W_out norm(x)
 *
 * The feed-forward network of a layer with a router is a mixture of experts.
 */
export function preNormDecoder(config: DecoderConfig, weights: ModelWeights, attention: SelfAttentionOptions): Graph {
  const graph = new Recorder()
  const { layers, width, vocabulary, epsilon } = config
  const rotation = rotaryFrequencies(config.rotary)
  let x = graph.embedding(weights.matrix('token_embd.weight', vocabulary, width), 'token_embd')
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}`
    const norm = (part: string) => weights.vector(name(`${part}.weight`), width)

    const normed = graph.normalize(x, norm('attn_norm'), epsilon, name('attn_norm'))
    const mixed = selfAttention(graph, weights, config, layer, normed, rotation, attention)
    const h = graph.add(x, mixed, name('ffn_inp'))
    const ffnNormed = graph.normalize(h, norm('ffn_norm'), epsilon, name('ffn_norm'))
    const experts = weights.has(name('ffn_gate_inp.weight')) ? config.experts : undefined
    const fed = experts
      ? mixture(graph, weights, experts, layer, ffnNormed)
      : feedForward(graph, weights, config, layer, ffnNormed)
    x = graph.add(h, fed, name('layer_out'))
  }
  return outputHead(graph, weights, config, x)
}
