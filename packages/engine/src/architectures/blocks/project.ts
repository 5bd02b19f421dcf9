import type { Value } from '../../graph/operations.ts'
import type { Recorder } from '../../graph/recorder.ts'
import type { ModelWeights } from '../model-weights.ts'

/** `part` of a layer as a linear operation, with its bias when the checkpoint has one. [.., K] -> [.., rows] */
export function project(graph: Recorder, weights: ModelWeights, input: Value, name: string, rows: number): Value {
  const weight = weights.matrix(`${name}.weight`, rows, input.width)
  return graph.linear(input, weight, name, weights.optionalVector(`${name}.bias`, rows))
}
