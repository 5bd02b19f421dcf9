import { EngineError } from '../../errors.ts'
import type { LowRankUpdates } from '../../graph/low-rank.ts'
import type {
  AttentionOperation,
  ExpertsOperation,
  Graph,
  KeyValueState,
  LinearOperation,
  Operation,
  Value,
  Weight,
} from '../../graph/operations.ts'
import { readFloat32 } from '../../weights/read.ts'
import type { Tensor } from '../../weights/tensor.ts'
import {
  type Attachment,
  type Backend,
  type Batch,
  type CompiledModel,
  type CompileOptions,
  type MemoryNeed,
  PAGE_LENGTH,
  type Tap,
} from '../backend.ts'
import { KeyValueStore } from './key-value-store.ts'
import {
  add,
  attention,
  chooseExperts,
  embedding,
  gatedSilu,
  linear,
  normalize,
  rotate,
  selectRows,
} from './operations.ts'

/** Plain TypeScript on Float32Arrays: the oracle of the other backends, and the place to learn what a model computes. */
export const referenceBackend: Backend = {
  name: 'reference',
  measure,
  compile: (graph, _tensors, options) => new ReferenceModel(graph, options),
}

function measure(graph: Graph, _tensors: ReadonlyMap<string, Tensor>, options: CompileOptions): MemoryNeed {
  const elements = (weight: Weight) => weight.rows * weight.columns
  const rows = (value: Value) => (value.size === 'tokens' ? options.maxTokens : options.maxRows)
  const kept = (state: KeyValueState) => 2 * options.pages * PAGE_LENGTH * state.keyValueHeads * state.headDimension
  return {
    weights: 4 * graph.weights.reduce((sum, weight) => sum + elements(weight), 0),
    state: 4 * graph.states.reduce((sum, state) => sum + kept(state), 0),
    activations: 4 * graph.values.reduce((sum, value) => sum + rows(value) * value.width, 0),
  }
}

class ReferenceModel implements CompiledModel {
  readonly memory: MemoryNeed
  readonly pageBytes: number
  readonly pageLayout: string
  readonly notices: readonly string[] = []
  readonly #graph: Graph
  readonly #weights = new Map<string, Float32Array>()
  readonly #adapters = new Set<{ readonly updates: LowRankUpdates; scale: number }>()
  #stores: KeyValueStore[]

  constructor(graph: Graph, options: CompileOptions) {
    this.#graph = graph
    this.memory = measure(graph, new Map(), options)
    this.pageBytes = this.memory.state / options.pages
    this.pageLayout = `reference-1-${options.cacheType}`
    try {
      this.#stores = graph.states.map((state) => new KeyValueStore(options.pages, state, options.cacheType))
    } catch (cause) {
      throw new EngineError('out-of-memory', `The cache needs ${this.memory.state} bytes, which could not be had.`, {
        cause,
        remedy: 'Load the model with a smaller contextLength.',
      })
    }
  }

  async load(
    tensors: ReadonlyMap<string, Tensor>,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
  ): Promise<void> {
    let read = 0
    for (const { name } of this.#graph.weights) {
      const tensor = tensors.get(name)
      if (!tensor) throw new RangeError(`there is no tensor ${name}`)
      this.#weights.set(name, await readFloat32(tensor, signal))
      read += tensor.byteLength
      onProgress?.(read)
    }
  }

  async step(batch: Batch, tap?: Tap): Promise<Float32Array> {
    const values: Float32Array[] = []
    for (const operation of this.#graph.operations) {
      const { id, name, width } = operation.output
      values[id] = this.#compute(operation, batch, values)
      tap?.(name, values[id], values[id].length / width, width)
    }
    return values[this.#graph.logits.id]
  }

  attach(updates: LowRankUpdates, scale: number): Attachment {
    const adapter = { updates, scale }
    this.#adapters.add(adapter)
    return {
      setScale(to) {
        adapter.scale = to
      },
      detach: () => void this.#adapters.delete(adapter),
    }
  }

  readPage(page: number, tokens: number, target: Uint8Array): void {
    target.fill(0)
    let at = 0
    for (const store of this.#stores) at = store.readPage(page, tokens, target, at)
  }

  writePage(page: number, source: Uint8Array): void {
    let at = 0
    for (const store of this.#stores) at = store.writePage(page, source, at)
  }

  copyPage(from: number, to: number, tokens: number): void {
    for (const store of this.#stores) store.copyPage(from, to, tokens)
  }

  dispose(): void {
    this.#weights.clear()
    this.#adapters.clear()
    this.#stores = []
  }

  #compute(operation: Operation, batch: Batch, values: readonly Float32Array[]): Float32Array {
    const of = (value: Value) => values[value.id]
    switch (operation.kind) {
      case 'embedding':
        return embedding(this.#weight(operation.table), batch.ids, operation.output.width)
      case 'normalize':
        return normalize(of(operation.input), this.#weight(operation.weight), operation.epsilon)
      case 'linear':
        return this.#multiply(operation, of(operation.input))
      case 'rotate':
        return rotate(of(operation.input), batch.positions, operation)
      case 'attention':
        return this.#attend(operation, batch, of(operation.query), of(operation.key), of(operation.value))
      case 'gatedActivation':
        return gatedSilu(of(operation.gate), of(operation.up))
      case 'experts':
        return this.#mixExperts(operation, of(operation.input))
      case 'add':
        return add(of(operation.left), of(operation.right))
      case 'selectRows':
        return selectRows(of(operation.input), batch.outputRows, operation.output.width)
    }
  }

  #multiply({ weight, bias }: LinearOperation, input: Float32Array): Float32Array {
    const output = linear(input, this.#weight(weight), weight.columns, bias && this.#weight(bias))
    for (const { updates, scale } of this.#adapters) {
      const update = updates.get(weight.name)
      if (!update) continue
      const inner = linear(input, update.a, weight.columns)
      linear(inner, update.b, update.rank).forEach((y, i) => {
        output[i] += scale * update.scale * y
      })
    }
    return output
  }

  #attend(
    { state, heads, scale }: AttentionOperation,
    batch: Batch,
    queries: Float32Array,
    keys: Float32Array,
    values: Float32Array,
  ): Float32Array {
    const store = this.#stores[state.id]
    const { positions } = batch
    const tables = Array.from(batch.sequences, (sequence) => batch.pageTables[sequence])
    const width = state.keyValueHeads * state.headDimension
    const row = (rows: Float32Array, t: number, size: number) => rows.subarray(t * size, (t + 1) * size)
    positions.forEach((position, t) => {
      store.write(tables[t], position, row(keys, t, width), row(values, t, width))
    })
    const output = new Float32Array(queries.length)
    const queryWidth = heads * state.headDimension
    positions.forEach((position, t) => {
      const attended = attention(
        row(queries, t, queryWidth),
        (past) => store.key(tables[t], past),
        (past) => store.value(tables[t], past),
        position,
        { heads, keyValueHeads: state.keyValueHeads, scale },
      )
      output.set(attended, t * queryWidth)
    })
    return output
  }

  /** Token by token, as the definition has it. */
  #mixExperts(operation: ExpertsOperation, input: Float32Array): Float32Array {
    const { router, experts } = operation
    const { columns } = router
    const output = new Float32Array(input.length)
    for (let start = 0; start < input.length; start += columns) {
      const x = input.subarray(start, start + columns)
      const logits = Array.from(linear(x, this.#weight(router), columns))
      for (const { expert, weight } of chooseExperts(logits, operation)) {
        const { gate, up, down } = experts[expert]
        const activated = gatedSilu(linear(x, this.#weight(gate), columns), linear(x, this.#weight(up), columns))
        linear(activated, this.#weight(down), gate.rows).forEach((y, i) => {
          output[start + i] += weight * y
        })
      }
    }
    return output
  }

  #weight({ name }: Weight): Float32Array {
    const weight = this.#weights.get(name)
    if (!weight) throw new RangeError(`the weight ${name} has not been loaded`)
    return weight
  }
}
