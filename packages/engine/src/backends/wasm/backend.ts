import { EngineError } from '../../errors.ts'
import type { Graph, Value } from '../../graph/operations.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { Backend, Batch, CompiledModel, CompileOptions, MemoryNeed, Tap } from '../backend.ts'
import { createBank } from './bank.ts'
import { BatchInputs } from './batch-inputs.ts'
import { compileGraph, type Instruction } from './compile.ts'
import { type MemoryViews, viewsOf } from './layout/pack.ts'
import { type LoadOptions, loadWeights } from './load.ts'
import { type Plan, planMemory } from './plan.ts'
import { checkKernels } from './self-check.ts'
import { replay } from './step.ts'

/** SIMD kernels in WebAssembly, emitted for this engine; on one thread. */
export const wasmBackend: Backend = {
  name: 'wasm',
  measure: (graph, tensors, options) => planMemory(graph, tensors, options).memory,
  compile: (graph, tensors, options) => {
    const plan = planMemory(graph, tensors, options)
    checkKernels(plan.types)
    return new WasmModel(graph, plan, options)
  },
}

class WasmModel implements CompiledModel {
  readonly memory: MemoryNeed
  readonly #graph: Graph
  readonly #plan: Plan
  #resident: Resident | undefined

  constructor(graph: Graph, plan: Plan, options: CompileOptions) {
    this.memory = plan.memory
    this.#graph = graph
    this.#plan = plan
    this.#resident = allocate(graph, plan, options)
  }

  async load(tensors: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): Promise<void> {
    await loadWeights(this.#plan, this.#live().views, tensors, options)
  }

  async step(batch: Batch, tap?: Tap): Promise<Float32Array> {
    const { inputs, instructions } = this.#live()
    inputs.write(batch)
    replay(instructions, tap && (({ output }) => output && this.#tap(tap, output)))
    return this.#read(this.#graph.logits)
  }

  copyPage(from: number, to: number): void {
    const { bytes } = this.#live().views
    // Whole pages: what lies behind the tokens is written before it is read.
    for (const { address, stride } of this.#plan.states) {
      bytes.copyWithin(address + to * stride, address + from * stride, address + (from + 1) * stride)
    }
  }

  dispose(): void {
    this.#resident = undefined
  }

  #tap(tap: Tap, value: Value): void {
    const rows = this.#read(value)
    tap(value.name, rows, rows.length / value.width, value.width)
  }

  /** The rows of a value: a view of the bank where they lie without gaps, else a copy. */
  #read({ id, size, width }: Value): Float32Array {
    const { views, inputs } = this.#live()
    const { address, stride } = this.#plan.values[id]
    const rows = size === 'tokens' ? inputs.tokens : inputs.rows
    const floats = new Float32Array(views.bytes.buffer, address, (rows * stride) / 4)
    if (stride === 4 * width) return floats
    const packed = new Float32Array(rows * width)
    for (let row = 0; row < rows; row++) {
      const start = (row * stride) / 4
      packed.set(floats.subarray(start, start + width), row * width)
    }
    return packed
  }

  #live(): Resident {
    if (!this.#resident) throw new EngineError('disposed', 'The model has been disposed.')
    return this.#resident
  }
}

/** What keeps the bank alive. */
interface Resident {
  readonly views: MemoryViews
  readonly inputs: BatchInputs
  readonly instructions: readonly Instruction[]
}

function allocate(graph: Graph, plan: Plan, options: CompileOptions): Resident {
  const bank = createBank(plan.bytes, plan)
  const views = viewsOf(bank.memory.buffer)
  const inputs = new BatchInputs(plan, options, vocabularyOf(graph), views)
  return { views, inputs, instructions: compileGraph(graph, plan, bank, inputs, options.cacheType) }
}

/** Ids that every table of the graph has rows for. */
function vocabularyOf(graph: Graph): number {
  const tables = graph.operations.flatMap((operation) => (operation.kind === 'embedding' ? [operation.table.rows] : []))
  return Math.min(...tables)
}
