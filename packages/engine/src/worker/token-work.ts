import { type CompileOptions, type MemoryNeed, PAGE_LENGTH } from '../backends/backend.ts'
import { type Limit, limitOf } from '../backends/wasm/ceilings.ts'
import type { Graph, Weight } from '../graph/operations.ts'
import { isDecodable } from '../weights/element-type.ts'
import type { Tensor } from '../weights/tensor.ts'

/** What a token costs, whatever computes it. */
export interface TokenWork {
  /** Bytes of weights that are read to write one token: all but embedding tables and the experts that are not chosen. */
  readonly weightBytes: number
  /** Bytes of keys and values that it reads for each token before it. */
  readonly cacheBytesPerToken: number
  /**
   * Multiplications and additions in the matrix products of a prompt's token, by what bounds them. Attention is not
   * counted, nor the head, which only the last token needs.
   */
  readonly operations: Readonly<Partial<Record<Limit, number>>>
}

/** From shapes and types alone. `memory` is the backend's need with those `options`. */
export function tokenWork(
  graph: Graph,
  tensors: ReadonlyMap<string, Tensor>,
  { pages }: Pick<CompileOptions, 'pages'>,
  memory: MemoryNeed,
): TokenWork {
  const bytesOf = ({ name }: Weight) => tensors.get(name)?.byteLength ?? 0
  let weightBytes = 0
  const operations: Partial<Record<Limit, number>> = {}
  const multiply = (weight: Weight, share: number, inPrompt: boolean) => {
    weightBytes += share * bytesOf(weight)
    const type = tensors.get(weight.name)?.type
    if (!inPrompt || type === undefined || !isDecodable(type)) return
    const limit = limitOf(type)
    operations[limit] = (operations[limit] ?? 0) + 2 * share * weight.rows * weight.columns
  }
  for (const operation of graph.operations) {
    if (operation.kind === 'linear') multiply(operation.weight, 1, operation.output.size === 'tokens')
    if (operation.kind !== 'experts') continue
    const { router, experts, used } = operation
    multiply(router, 1, true)
    for (const weight of experts.flatMap(({ gate, up, down }) => [gate, up, down])) {
      multiply(weight, used / experts.length, true)
    }
  }
  // Weights are held in the backend's own layout, which may take a little more or less than the file's.
  const held = memory.weights / graph.weights.reduce((sum, weight) => sum + bytesOf(weight), 0)
  return {
    weightBytes: weightBytes * held,
    cacheBytesPerToken: memory.state / (pages * PAGE_LENGTH),
    operations,
  }
}
