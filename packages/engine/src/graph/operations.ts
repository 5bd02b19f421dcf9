/**
 * The vocabulary of a recorded model. An architecture calls a `Recorder` once per load; a backend compiles the list of
 * operations into a Plan and replays it for every batch. docs/operations.md has the table of operations by family.
 */

/** A length that is known only when a batch arrives: its tokens, or its rows that want logits. */
export type Size = 'tokens' | 'rows'

/** The result of an operation: a row-major float32 matrix [size, width]. */
export interface Value {
  /** Position in the graph's list of values. */
  readonly id: number
  /** As in the field, for taps and messages: `blk.3.attn_out`. */
  readonly name: string
  readonly size: Size
  readonly width: number
}

/** A weight by its GGUF tensor name. Vectors (norms, biases) have one row. */
export interface Weight {
  readonly name: string
  readonly rows: number
  readonly columns: number
}

/** Half: pairs (i, i + n/2). Interleaved: pairs (2i, 2i + 1). */
export type RotaryPairing = 'half' | 'interleaved'

/** One row of the table for each token of the batch. table [vocabulary, width] -> [tokens, width] */
export interface EmbeddingOperation {
  readonly kind: 'embedding'
  readonly table: Weight
  readonly output: Value
}

/**
 * Root-mean-square normalisation in groups of `groupWidth` columns (the whole row, or a head):
 * y = w * x / sqrt(mean(x^2) + epsilon). The weight has `groupWidth` columns and serves every group.
 */
export interface NormalizeOperation {
  readonly kind: 'normalize'
  readonly input: Value
  readonly weight: Weight
  readonly groupWidth: number
  readonly epsilon: number
  readonly output: Value
}

/** y = x W^T + b. weight [N, K], input [.., K] -> [.., N] */
export interface LinearOperation {
  readonly kind: 'linear'
  readonly input: Value
  readonly weight: Weight
  readonly bias: Weight | undefined
  readonly output: Value
}

/**
 * Rotary position embedding (RoFormer, arXiv 2104.09864) on every head of [tokens, heads * headDimension]: pair i of
 * the first 2 * inverseFrequencies.length dimensions turns by position * inverseFrequencies[i]; cosine and sine are
 * multiplied by `magnitude` (yarn's attention factor).
 */
export interface RotateOperation {
  readonly kind: 'rotate'
  readonly input: Value
  readonly heads: number
  readonly headDimension: number
  readonly pairing: RotaryPairing
  readonly inverseFrequencies: Float32Array
  readonly magnitude: number
  readonly output: Value
}

/**
 * Causal attention with grouped queries over the keys and values of each token's own sequence, this batch's included:
 * the operation appends `key` and `value` to its kv state, then reads the state.
 * query [tokens, heads * headDimension], key and value [tokens, keyValueHeads * headDimension]
 * -> [tokens, heads * headDimension]. Query head i reads key-value head floor(i * keyValueHeads / heads).
 */
export interface AttentionOperation {
  readonly kind: 'attention'
  readonly query: Value
  readonly key: Value
  readonly value: Value
  readonly state: KeyValueState
  readonly heads: number
  readonly scale: number
  readonly output: Value
}

/** activation(gate) * up, elementwise; silu(x) = x / (1 + exp(-x)). */
export interface GatedActivationOperation {
  readonly kind: 'gatedActivation'
  readonly activation: 'silu'
  readonly gate: Value
  readonly up: Value
  readonly output: Value
}

/** The feed-forward network of one expert: gate and up [width, K], down [K, width]. Each may be of a type of its own. */
export interface Expert {
  readonly gate: Weight
  readonly up: Weight
  readonly down: Weight
}

/**
 * A mixture of experts (arXiv 2401.04088): p = softmax(router x) over all experts; of the `used` most probable (at equal
 * probabilities the first), the sum of weight * down(silu(gate x) * up x), where the weights are their p, divided by
 * the sum of the chosen if `normalise`. router [experts, K], input [tokens, K] -> [tokens, K]
 */
export interface ExpertsOperation {
  readonly kind: 'experts'
  readonly input: Value
  readonly router: Weight
  readonly experts: readonly Expert[]
  readonly used: number
  readonly normalise: boolean
  readonly output: Value
}

export interface AddOperation {
  readonly kind: 'add'
  readonly left: Value
  readonly right: Value
  readonly output: Value
}

/** The rows that want logits, in the batch's order. [tokens, width] -> [rows, width] */
export interface SelectRowsOperation {
  readonly kind: 'selectRows'
  readonly input: Value
  readonly output: Value
}

export type Operation =
  | EmbeddingOperation
  | NormalizeOperation
  | LinearOperation
  | RotateOperation
  | AttentionOperation
  | GatedActivationOperation
  | ExpertsOperation
  | AddOperation
  | SelectRowsOperation

export type OperationKind = Operation['kind']

/** Keys and values of every past token, per sequence. The cache owns its pages; a backend owns its bytes. */
export interface KeyValueState {
  readonly kind: 'kv'
  /** Position in the graph's list of states. */
  readonly id: number
  readonly keyValueHeads: number
  readonly headDimension: number
}

/** What an architecture recorded: operations in an order that respects their inputs. */
export interface Graph {
  readonly operations: readonly Operation[]
  readonly values: readonly Value[]
  readonly weights: readonly Weight[]
  readonly states: readonly KeyValueState[]
  /** [rows, vocabulary] */
  readonly logits: Value
}
