import type { Value } from '../../graph/operations.ts'
import type { Recorder } from '../../graph/recorder.ts'
import type { ExpertsConfig } from '../config.ts'
import type { ModelWeights } from '../model-weights.ts'

/** A mixture of SwiGLU experts in place of a feed-forward network. x [tokens, width] -> [tokens, width] */
export function mixture(
  graph: Recorder,
  weights: ModelWeights,
  { count, used, width, normalise }: ExpertsConfig,
  layer: number,
  x: Value,
): Value {
  const name = (part: string) => `blk.${layer}.${part}`
  const router = weights.matrix(name('ffn_gate_inp.weight'), count, x.width)
  const experts = Array.from({ length: count }, (_, expert) => ({
    gate: weights.matrix(name(`ffn_gate.${expert}.weight`), width, x.width),
    up: weights.matrix(name(`ffn_up.${expert}.weight`), width, x.width),
    down: weights.matrix(name(`ffn_down.${expert}.weight`), x.width, width),
  }))
  return graph.experts(x, { router, experts, used, normalise }, name('ffn_moe'))
}
