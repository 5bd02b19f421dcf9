import type { Expert, Graph, KeyValueState, Operation, RotaryPairing, Size, Value, Weight } from './operations.ts'

export interface RotateOptions {
  readonly heads: number
  readonly headDimension: number
  readonly pairing: RotaryPairing
  readonly inverseFrequencies: Float32Array
  readonly magnitude: number
}

/** Records the operations of a model. Method names and shapes follow the operations of operations.ts. */
export class Recorder {
  readonly #operations: Operation[] = []
  readonly #values: Value[] = []
  readonly #weights = new Map<string, Weight>()
  readonly #states: KeyValueState[] = []

  embedding(table: Weight, name: string): Value {
    const output = this.#value(name, 'tokens', table.columns)
    this.#record({ kind: 'embedding', table: this.#weight(table), output })
    return output
  }

  normalize(input: Value, weight: Weight, epsilon: number, name: string): Value {
    const groupWidth = weight.columns
    if (weight.rows !== 1 || input.width % groupWidth !== 0) {
      throw new RangeError(`${name}: a norm of ${groupWidth} does not divide rows of ${input.width}`)
    }
    const output = this.#value(name, input.size, input.width)
    this.#record({ kind: 'normalize', input, weight: this.#weight(weight), groupWidth, epsilon, output })
    return output
  }

  linear(input: Value, weight: Weight, name: string, bias?: Weight): Value {
    if (weight.columns !== input.width || (bias && bias.columns !== weight.rows)) {
      throw new RangeError(`${name}: weight [${weight.rows}, ${weight.columns}] does not fit rows of ${input.width}`)
    }
    const output = this.#value(name, input.size, weight.rows)
    this.#record({ kind: 'linear', input, weight: this.#weight(weight), bias: bias && this.#weight(bias), output })
    return output
  }

  rotate(input: Value, options: RotateOptions, name: string): Value {
    if (input.width !== options.heads * options.headDimension) {
      throw new RangeError(`${name}: ${options.heads} heads of ${options.headDimension} are not ${input.width} wide`)
    }
    const output = this.#value(name, input.size, input.width)
    this.#record({ kind: 'rotate', input, ...options, output })
    return output
  }

  /** Declares the keys and values of one layer. */
  keyValueState(keyValueHeads: number, headDimension: number): KeyValueState {
    const state: KeyValueState = { kind: 'kv', id: this.#states.length, keyValueHeads, headDimension }
    this.#states.push(state)
    return state
  }

  attention(
    query: Value,
    key: Value,
    value: Value,
    options: { state: KeyValueState; heads: number; scale: number },
    name: string,
  ): Value {
    const { state, heads } = options
    const width = state.keyValueHeads * state.headDimension
    if (query.width !== heads * state.headDimension || key.width !== width || value.width !== width) {
      throw new RangeError(`${name}: queries ${query.width}, keys ${key.width} and values ${value.width} do not fit`)
    }
    const output = this.#value(name, query.size, query.width)
    this.#record({ kind: 'attention', query, key, value, ...options, output })
    return output
  }

  gatedActivation(gate: Value, up: Value, activation: 'silu', name: string): Value {
    this.#requireSameShape(gate, up, name)
    const output = this.#value(name, gate.size, gate.width)
    this.#record({ kind: 'gatedActivation', activation, gate, up, output })
    return output
  }

  experts(
    input: Value,
    options: { router: Weight; experts: readonly Expert[]; used: number; normalise: boolean },
    name: string,
  ): Value {
    const { router, experts, used } = options
    const [columns, width] = [input.width, experts[0]?.gate.rows]
    const fits = (weight: Weight, rows: number | undefined, across: number | undefined) =>
      weight.rows === rows && weight.columns === across
    if (!fits(router, experts.length, columns) || !(used >= 1 && used <= experts.length)) {
      throw new RangeError(`${name}: ${used} of ${experts.length} experts cannot be chosen by rows of ${columns}`)
    }
    for (const { gate, up, down } of experts) {
      if (!fits(gate, width, columns) || !fits(up, width, columns) || !fits(down, columns, width)) {
        throw new RangeError(`${name}: the experts differ in shape, or do not fit rows of ${columns}`)
      }
      for (const weight of [gate, up, down]) this.#weight(weight)
    }
    const output = this.#value(name, input.size, columns)
    this.#record({ kind: 'experts', input, ...options, router: this.#weight(router), output })
    return output
  }

  add(left: Value, right: Value, name: string): Value {
    this.#requireSameShape(left, right, name)
    const output = this.#value(name, left.size, left.width)
    this.#record({ kind: 'add', left, right, output })
    return output
  }

  selectRows(input: Value, name: string): Value {
    const output = this.#value(name, 'rows', input.width)
    this.#record({ kind: 'selectRows', input, output })
    return output
  }

  finish(logits: Value): Graph {
    return {
      operations: this.#operations,
      values: this.#values,
      weights: [...this.#weights.values()],
      states: this.#states,
      logits,
    }
  }

  #record(operation: Operation): void {
    this.#operations.push(operation)
  }

  #value(name: string, size: Size, width: number): Value {
    const value: Value = { id: this.#values.length, name, size, width }
    this.#values.push(value)
    return value
  }

  #weight(weight: Weight): Weight {
    const known = this.#weights.get(weight.name)
    if (!known) this.#weights.set(weight.name, weight)
    else if (known.rows !== weight.rows || known.columns !== weight.columns) {
      throw new RangeError(`${weight.name} is used in two shapes`)
    }
    return weight
  }

  #requireSameShape(left: Value, right: Value, name: string): void {
    if (left.size !== right.size || left.width !== right.width) {
      throw new RangeError(`${name}: [${left.size}, ${left.width}] and [${right.size}, ${right.width}] differ`)
    }
  }
}

/** The values an operation reads. */
export function inputsOf(operation: Operation): readonly Value[] {
  switch (operation.kind) {
    case 'embedding':
      return []
    case 'attention':
      return [operation.query, operation.key, operation.value]
    case 'gatedActivation':
      return [operation.gate, operation.up]
    case 'add':
      return [operation.left, operation.right]
    default:
      return [operation.input]
  }
}
