import type { Graph, Value } from '../../graph/operations.ts'
import type { Recorder } from '../../graph/recorder.ts'
import type { DecoderConfig } from '../config.ts'
import type { ModelWeights } from '../model-weights.ts'

/** The name of the final hidden state of the rows that want logits: what the output matrix is multiplied with. */
export const FINAL_HIDDEN = 'result_norm'

/** The rows that want logits, normalised, times the output matrix; without one the embedding table serves (tied). */
export function outputHead(graph: Recorder, weights: ModelWeights, config: DecoderConfig, x: Value): Graph {
  const { width, vocabulary, epsilon } = config
  const rows = graph.selectRows(x, 'result_rows')
  const normed = graph.normalize(rows, weights.vector('output_norm.weight', width), epsilon, FINAL_HIDDEN)
  const table = weights.has('output.weight') ? 'output.weight' : 'token_embd.weight'
  return graph.finish(graph.linear(normed, weights.matrix(table, vocabulary, width), 'logits'))
}
