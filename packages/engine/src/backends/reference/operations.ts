/*
 * Every operation of graph/operations.ts straight from its definition, on row-major Float32Arrays. Sums run in float64.
 * Slow and obviously right: this is what the kernels of other backends are checked against.
 */
import type { RotateOperation } from '../../graph/operations.ts'

/** table [vocabulary, width], ids [tokens] -> [tokens, width] */
export function embedding(table: Float32Array, ids: Int32Array, width: number): Float32Array {
  const output = new Float32Array(ids.length * width)
  ids.forEach((id, t) => {
    output.set(table.subarray(id * width, (id + 1) * width), t * width)
  })
  return output
}

/** y = w * x / sqrt(mean(x^2) + epsilon) in groups of weight.length columns. */
export function normalize(x: Float32Array, weight: Float32Array, epsilon: number): Float32Array {
  const width = weight.length
  const output = new Float32Array(x.length)
  for (let start = 0; start < x.length; start += width) {
    let squares = 0
    for (let i = 0; i < width; i++) squares += x[start + i] ** 2
    const factor = 1 / Math.sqrt(squares / width + epsilon)
    for (let i = 0; i < width; i++) output[start + i] = weight[i] * x[start + i] * factor
  }
  return output
}

/** x [rows, K], weight [N, K], bias [N] -> x W^T + b [rows, N] */
export function linear(x: Float32Array, weight: Float32Array, columns: number, bias?: Float32Array): Float32Array {
  const rows = x.length / columns
  const outputs = weight.length / columns
  const output = new Float32Array(rows * outputs)
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < outputs; n++) {
      let sum = bias ? bias[n] : 0
      for (let k = 0; k < columns; k++) sum += x[row * columns + k] * weight[n * columns + k]
      output[row * outputs + n] = sum
    }
  }
  return output
}

/** Turns pair i of every head by position * inverseFrequencies[i]. */
export function rotate(x: Float32Array, positions: Int32Array, operation: RotateOperation): Float32Array {
  const { heads, headDimension, pairing, inverseFrequencies, magnitude } = operation
  const output = x.slice()
  const pairs = inverseFrequencies.length
  positions.forEach((position, t) => {
    for (let head = 0; head < heads; head++) {
      const start = (t * heads + head) * headDimension
      for (let i = 0; i < pairs; i++) {
        const first = start + (pairing === 'half' ? i : 2 * i)
        const second = start + (pairing === 'half' ? i + pairs : 2 * i + 1)
        const angle = position * inverseFrequencies[i]
        const cosine = Math.cos(angle) * magnitude
        const sine = Math.sin(angle) * magnitude
        output[first] = x[first] * cosine - x[second] * sine
        output[second] = x[first] * sine + x[second] * cosine
      }
    }
  })
  return output
}

/** The keys or values one query may see: row i is position i's, [keyValueHeads * headDimension]. */
export type PastRows = (position: number) => Float32Array

/** softmax(scale * q k^T) v for one token's query [heads * headDimension] over positions 0..position. */
export function attention(
  query: Float32Array,
  keys: PastRows,
  values: PastRows,
  position: number,
  { heads, keyValueHeads, scale }: { heads: number; keyValueHeads: number; scale: number },
): Float32Array {
  const headDimension = query.length / heads
  const output = new Float32Array(query.length)
  for (let head = 0; head < heads; head++) {
    const kept = Math.floor((head * keyValueHeads) / heads) * headDimension
    const from = head * headDimension
    const scores = Array.from({ length: position + 1 }, (_, past) => {
      const key = keys(past)
      let dot = 0
      for (let i = 0; i < headDimension; i++) dot += query[from + i] * key[kept + i]
      return dot * scale
    })
    const probabilities = softmax(scores)
    for (let i = 0; i < headDimension; i++) {
      let sum = 0
      for (let past = 0; past <= position; past++) sum += probabilities[past] * values(past)[kept + i]
      output[from + i] = sum
    }
  }
  return output
}

export function softmax(scores: readonly number[]): number[] {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const exponentials = scores.map((score) => Math.exp(score - largest))
  const sum = exponentials.reduce((a, b) => a + b, 0)
  return exponentials.map((exponential) => exponential / sum)
}

/** silu(gate) * up, silu(x) = x / (1 + exp(-x)) */
export function gatedSilu(gate: Float32Array, up: Float32Array): Float32Array {
  return gate.map((x, i) => (x / (1 + Math.exp(-x))) * up[i])
}

/** Which experts a token goes to, in the order of their probabilities, and with which weights. */
export function chooseExperts(
  logits: readonly number[],
  { used, normalise }: { used: number; normalise: boolean },
): { expert: number; weight: number }[] {
  const all = softmax(logits).map((weight, expert) => ({ expert, weight }))
  const chosen = all.sort((a, b) => b.weight - a.weight || a.expert - b.expert).slice(0, used)
  const sum = normalise ? chosen.reduce((total, { weight }) => total + weight, 0) : 1
  return chosen.map(({ expert, weight }) => ({ expert, weight: weight / sum }))
}

export function add(left: Float32Array, right: Float32Array): Float32Array {
  return left.map((x, i) => x + right[i])
}

/** x [tokens, width] -> the rows named by `rows` */
export function selectRows(x: Float32Array, rows: Int32Array, width: number): Float32Array {
  const output = new Float32Array(rows.length * width)
  rows.forEach((row, i) => {
    output.set(x.subarray(row * width, (row + 1) * width), i * width)
  })
  return output
}
