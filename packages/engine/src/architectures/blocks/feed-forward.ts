import type { Value } from '../../graph/operations.ts'
import type { Recorder } from '../../graph/recorder.ts'
import type { DecoderConfig } from '../config.ts'
import type { ModelWeights } from '../model-weights.ts'
import { project } from './project.ts'

/** SwiGLU (arXiv 2002.05202): Wdown(silu(Wgate x) * Wup x). x [tokens, width] -> [tokens, width] */
export function feedForward(
  graph: Recorder,
  weights: ModelWeights,
  config: DecoderConfig,
  layer: number,
  x: Value,
): Value {
  const name = (part: string) => `blk.${layer}.${part}`
  const gate = project(graph, weights, x, name('ffn_gate'), config.feedForwardWidth)
  const up = project(graph, weights, x, name('ffn_up'), config.feedForwardWidth)
  const activated = graph.gatedActivation(gate, up, 'silu', name('ffn_act'))
  return project(graph, weights, activated, name('ffn_down'), config.width)
}
