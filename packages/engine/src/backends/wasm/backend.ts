import { EngineError } from '../../errors.ts'
import type { LowRankUpdates } from '../../graph/low-rank.ts'
import type { Graph, Value } from '../../graph/operations.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { Attachment, Backend, Batch, CompiledModel, CompileOptions, MemoryNeed, Tap } from '../backend.ts'
import { AdapterBank } from './adapter-bank.ts'
import { type Bank, createBank } from './bank.ts'
import { BatchInputs } from './batch-inputs.ts'
import { compileGraph, type Instruction } from './compile.ts'
import type { Operands } from './kernels/operands.ts'
import { clearBehind, pageLayout } from './layout/key-value-pages.ts'
import { type MemoryViews, viewsOf } from './layout/pack.ts'
import { type LoadOptions, loadWeights } from './load.ts'
import { type Plan, planMemory } from './plan.ts'
import { type CheckedKernels, checkKernels, checkOptimised } from './self-check.ts'
import { replay } from './step.ts'
import { Team } from './threads/team.ts'
import { WritingThreads } from './threads/writing-threads.ts'

/** The newest, with guesses: so few that reading weights takes longer than computing with them. */
const FEW_TOKENS = 4

/** SIMD kernels in WebAssembly, emitted for this engine; on several threads over shared memory where that pays. */
export const wasmBackend: Backend = {
  name: 'wasm',
  measure: (graph, tensors, options) => planMemory(graph, tensors, options).memory,
  compile: (graph, tensors, options) => {
    const plan = planMemory(graph, tensors, options)
    return new WasmModel(graph, plan, options, checkKernels(kernelsOf(plan, options)))
  },
}

class WasmModel implements CompiledModel {
  readonly memory: MemoryNeed
  readonly pageBytes: number
  readonly pageLayout: string
  readonly notices: readonly string[]
  readonly #graph: Graph
  readonly #plan: Plan
  readonly #options: CompileOptions
  readonly #operands: Operands
  #resident: Resident | undefined
  #adapters: readonly AdapterBank[] = []
  #instructions: readonly Instruction[] = []
  #team: Team | undefined
  #writing: WritingThreads | undefined

  constructor(graph: Graph, plan: Plan, options: CompileOptions, kernels: CheckedKernels) {
    this.memory = plan.memory
    this.pageBytes = plan.states.reduce((sum, { stride }) => sum + stride, 0)
    this.pageLayout = pageLayout(options.cacheType)
    this.notices = noticesOf(kernels)
    this.#graph = graph
    this.#plan = plan
    this.#options = options
    this.#operands = kernels.operands
    this.#resident = allocate(graph, plan, options, kernels)
    this.#compile([])
  }

  async load(tensors: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): Promise<void> {
    const { threads, triesFewerThreads } = this.#options
    const starting = this.#startTeam()
    // Until it is waited for below, nobody is there to hear of a failure.
    starting.catch(() => {})
    try {
      const checking = this.#checkOptimised()
      await loadWeights(this.#plan, this.#live().views, tensors, options)
      await checking
      this.#team = await starting
      if (this.#team && triesFewerThreads) this.#writing = await WritingThreads.recall(threads)
    } finally {
      // Where loading failed, or the model was disposed meanwhile, nobody waits for the threads any more.
      if (!this.#team || !this.#resident) starting.then((team) => team?.stop()).catch(() => {})
    }
  }

  async step(batch: Batch, tap?: Tap): Promise<Float32Array> {
    const { inputs } = this.#live()
    inputs.write(batch)
    const { length } = batch.ids
    const threads = (length <= FEW_TOKENS && this.#writing?.count) || this.#options.threads
    const start = performance.now()
    // Alone, nobody overwrites what is tapped.
    if (this.#team && threads > 1 && !tap) await this.#team.run(this.#instructions, inputs, threads)
    else replay(this.#instructions, tap && (({ output }) => output && this.#tap(tap, output)))
    if (length === 1 && !tap) void this.#writing?.measured(performance.now() - start)
    return this.#read(this.#graph.logits)
  }

  attach(updates: LowRankUpdates, scale: number): Attachment {
    const adapter = new AdapterBank(updates, scale, this.#graph, this.#options)
    this.#compile([...this.#adapters, adapter])
    return {
      setScale(to) {
        adapter.scale = to
      },
      detach: () => this.#detach(adapter),
    }
  }

  readPage(page: number, tokens: number, target: Uint8Array): void {
    const { bytes } = this.#live().views
    let at = 0
    this.#plan.states.forEach(({ address, stride }, i) => {
      const copy = target.subarray(at, at + stride)
      copy.set(bytes.subarray(address + page * stride, address + (page + 1) * stride))
      clearBehind(copy, tokens, this.#graph.states[i], this.#options.cacheType)
      at += stride
    })
  }

  writePage(page: number, source: Uint8Array): void {
    const { bytes } = this.#live().views
    let at = 0
    for (const { address, stride } of this.#plan.states) {
      bytes.set(source.subarray(at, at + stride), address + page * stride)
      at += stride
    }
  }

  copyPage(from: number, to: number): void {
    const { bytes } = this.#live().views
    // Whole pages: what lies behind the tokens is written before it is read.
    for (const { address, stride } of this.#plan.states) {
      bytes.copyWithin(address + to * stride, address + from * stride, address + (from + 1) * stride)
    }
  }

  dispose(): void {
    this.#team?.stop()
    this.#team = undefined
    this.#resident = undefined
    this.#adapters = []
    this.#instructions = []
  }

  /** Meanwhile weights are read. */
  #checkOptimised(): Promise<void> {
    const kernels = { ...kernelsOf(this.#plan, this.#options), operands: this.#operands }
    const checking = this.#options.checksOptimised ? checkOptimised(kernels) : Promise.resolve()
    // Where loading fails first, nobody is there to hear of a failure.
    checking.catch(() => {})
    return checking
  }

  /** The threads besides this one, if there are to be any. */
  async #startTeam(): Promise<Team | undefined> {
    const { threads, cacheType } = this.#options
    if (threads === 1) return undefined
    const { module, memory } = this.#live().bank
    const work = { graph: this.#graph, plan: this.#plan, module, memory, threads, cacheType }
    return Team.start(work, this.#instructions.length)
  }

  #detach(adapter: AdapterBank): void {
    if (this.#adapters.includes(adapter)) this.#compile(this.#adapters.filter((other) => other !== adapter))
  }

  #compile(adapters: readonly AdapterBank[]): void {
    const { bank, inputs } = this.#live()
    this.#adapters = adapters
    const { cacheType, threads } = this.#options
    this.#instructions = compileGraph(this.#graph, this.#plan, bank, inputs, cacheType, { threads, adapters })
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

function noticesOf({ failure, operands }: CheckedKernels): string[] {
  if (failure === undefined) return []
  const remedy = 'try another version of Node or of the browser'
  return [`${failure} Slower kernels ("${operands}") are used instead, and compute what they should; ${remedy}.`]
}

/** Those that the model needs, and no others: all are compiled. */
function kernelsOf({ types }: Plan, { cacheType, threads }: CompileOptions) {
  return { types, cacheTypes: [cacheType], shared: threads > 1 }
}

/** What keeps the bank alive. */
interface Resident {
  readonly bank: Bank
  readonly views: MemoryViews
  readonly inputs: BatchInputs
}

function allocate(graph: Graph, plan: Plan, options: CompileOptions, { operands }: CheckedKernels): Resident {
  const bank = createBank(plan.bytes, { ...kernelsOf(plan, options), operands })
  const views = viewsOf(bank.memory.buffer)
  const inputs = new BatchInputs(plan, options, vocabularyOf(graph), views)
  return { bank, views, inputs }
}

/** Ids that every table of the graph has rows for. */
function vocabularyOf(graph: Graph): number {
  const tables = graph.operations.flatMap((operation) => (operation.kind === 'embedding' ? [operation.table.rows] : []))
  return Math.min(...tables)
}
