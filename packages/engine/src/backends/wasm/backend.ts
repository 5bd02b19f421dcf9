import { EngineError } from '../../errors.ts'
import type { LowRankUpdates } from '../../graph/low-rank.ts'
import type { Graph, Value } from '../../graph/operations.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { Attachment, Backend, Batch, CompiledModel, CompileOptions, MemoryNeed, Tap } from '../backend.ts'
import { AdapterBank } from './adapter-bank.ts'
import { createBanks } from './bank.ts'
import { BatchInputs } from './batch-inputs.ts'
import { compileGraph, type Instruction } from './compile.ts'
import { planBanks } from './cut.ts'
import type { PlannedBank } from './hop.ts'
import type { Operands } from './kernels/operands.ts'
import { clearBehind, pageBytes, pageLayout } from './layout/key-value-pages.ts'
import { type MemoryViews, viewsOf } from './layout/pack.ts'
import { type LoadOptions, loadWeights } from './load.ts'
import { isHome } from './part.ts'
import { type PlacedRows, type Plan, planMemory } from './plan.ts'
import { type CheckedKernels, checkKernels, checkOptimised } from './self-check.ts'
import { replay } from './step.ts'
import { Team } from './threads/team.ts'
import { WritingThreads } from './threads/writing-threads.ts'

/** The newest, with guesses: so few that reading weights takes longer than computing with them. */
const FEW_TOKENS = 4

/** SIMD kernels in WebAssembly, emitted for this engine; on several threads over shared memory where that pays. */
export const wasmBackend: Backend = {
  name: 'wasm',
  measure: (...model) => memoryOf(plansOf(...model)),
  compile: (graph, tensors, options) => {
    const plans = planBanks(graph, tensors, options)
    return new WasmModel(graph, plans, options, checkKernels(kernelsOf(plans, options)))
  },
}

class WasmModel implements CompiledModel {
  readonly memory: MemoryNeed
  readonly pageBytes: number
  readonly pageLayout: string
  readonly notices: readonly string[]
  readonly #graph: Graph
  readonly #plans: readonly Plan[]
  readonly #options: CompileOptions
  readonly #operands: Operands
  #resident: Resident | undefined
  #adapters: readonly AdapterBank[] = []
  #instructions: readonly Instruction[] = []
  #team: Team | undefined
  #writing: WritingThreads | undefined

  constructor(graph: Graph, plans: readonly Plan[], options: CompileOptions, kernels: CheckedKernels) {
    this.memory = memoryOf(plans)
    this.pageBytes = graph.states.reduce((sum, state) => sum + pageBytes(state, options.cacheType), 0)
    this.pageLayout = pageLayout(options.cacheType)
    this.notices = noticesOf(kernels)
    this.#graph = graph
    this.#plans = plans
    this.#options = options
    this.#operands = kernels.operands
    this.#resident = allocate(graph, plans, options, kernels)
    this.#compile([])
  }

  async load(tensors: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): Promise<void> {
    const { threads, triesFewerThreads } = this.#options
    const starting = this.#startTeam()
    // Until it is waited for below, nobody is there to hear of a failure.
    starting.catch(() => {})
    try {
      const checking = this.#checkOptimised()
      await loadWeights(this.#live().banks, tensors, options)
      await checking
      this.#team = await starting
      if (this.#team && triesFewerThreads) this.#writing = await WritingThreads.recall(threads)
    } finally {
      // Where loading failed, or the model was disposed meanwhile, nobody waits for the threads any more.
      if (!this.#team || !this.#resident) starting.then((team) => team?.stop()).catch(() => {})
    }
  }

  async step(batch: Batch, tap?: Tap): Promise<Float32Array> {
    const { banks } = this.#live()
    for (const { inputs } of banks) inputs.write(batch)
    const { inputs } = banks[0]
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
    let at = 0
    this.#live().states.forEach(({ bytes, address, stride }, i) => {
      const copy = target.subarray(at, at + stride)
      copy.set(bytes.subarray(address + page * stride, address + (page + 1) * stride))
      clearBehind(copy, tokens, this.#graph.states[i], this.#options.cacheType)
      at += stride
    })
  }

  writePage(page: number, source: Uint8Array): void {
    let at = 0
    for (const { bytes, address, stride } of this.#live().states) {
      bytes.set(source.subarray(at, at + stride), address + page * stride)
      at += stride
    }
  }

  copyPage(from: number, to: number): void {
    // Whole pages: what lies behind the tokens is written before it is read.
    for (const { bytes, address, stride } of this.#live().states) {
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
    const kernels = { ...kernelsOf(this.#plans, this.#options), operands: this.#operands }
    const checking = this.#options.checksOptimised ? checkOptimised(kernels) : Promise.resolve()
    // Where loading fails first, nobody is there to hear of a failure.
    checking.catch(() => {})
    return checking
  }

  /** The threads besides this one, if there are to be any. */
  async #startTeam(): Promise<Team | undefined> {
    const { threads, cacheType } = this.#options
    if (threads === 1) return undefined
    const { banks } = this.#live()
    const { module } = banks[0].bank
    const memories = banks.map(({ bank }) => bank.memory)
    const work = { graph: this.#graph, plans: this.#plans, module, memories, threads, cacheType }
    return Team.start(work, this.#instructions.length)
  }

  #detach(adapter: AdapterBank): void {
    if (this.#adapters.includes(adapter)) this.#compile(this.#adapters.filter((other) => other !== adapter))
  }

  #compile(adapters: readonly AdapterBank[]): void {
    const { banks } = this.#live()
    this.#adapters = adapters
    const { cacheType, threads } = this.#options
    this.#instructions = compileGraph(this.#graph, banks, banks[0].inputs, cacheType, { threads, adapters })
  }

  #tap(tap: Tap, value: Value): void {
    const rows = this.#read(value)
    tap(value.name, rows, rows.length / value.width, value.width)
  }

  /** The rows of a value: a view of the bank where they lie without gaps, else a copy. */
  #read({ id, size, width }: Value): Float32Array {
    const { makers } = this.#live()
    const { plan, views, inputs } = makers[id]
    const { address, stride } = plan.values[id]
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
function kernelsOf(plans: readonly Plan[], { cacheType, threads }: CompileOptions) {
  return { types: new Set(plans.flatMap(({ types }) => [...types])), cacheTypes: [cacheType], shared: threads > 1 }
}

/** What would be compiled; where that cannot be, what a memory of any size would hold. */
function plansOf(...[graph, tensors, options]: Parameters<Backend['measure']>): Plan[] {
  try {
    return planBanks(graph, tensors, options)
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'out-of-memory')) throw error
    return [planMemory(graph, tensors, options)]
  }
}

function memoryOf(plans: readonly Plan[]): MemoryNeed {
  const sum = (part: keyof MemoryNeed) => plans.reduce((total, { memory }) => total + memory[part], 0)
  return { weights: sum('weights'), state: sum('state'), activations: sum('activations') }
}

/** What keeps the banks alive. */
interface Resident {
  readonly banks: readonly ResidentBank[]
  /** By the id of a value: the bank that makes it. */
  readonly makers: readonly ResidentBank[]
  /** In the order of the graph's: page 0 of each kv state. */
  readonly states: readonly StateInBank[]
}

interface ResidentBank extends PlannedBank {
  readonly views: MemoryViews
  readonly inputs: BatchInputs
}

interface StateInBank extends PlacedRows {
  readonly bytes: Uint8Array
}

function allocate(
  graph: Graph,
  plans: readonly Plan[],
  options: CompileOptions,
  { operands }: CheckedKernels,
): Resident {
  const sizes = plans.map(({ bytes }) => bytes)
  const banks = createBanks(sizes, { ...kernelsOf(plans, options), operands }).map((bank, i): ResidentBank => {
    const views = viewsOf(bank.memory.buffer)
    return { plan: plans[i], bank, views, inputs: new BatchInputs(plans[i], options, vocabularyOf(graph), views) }
  })
  const makers: ResidentBank[] = []
  const states: StateInBank[] = []
  for (const bank of banks) {
    for (const part of bank.plan.parts) {
      const { operation } = part
      if (isHome(part)) makers[operation.output.id] = bank
      if (operation.kind !== 'attention') continue
      const { id } = operation.state
      states[id] = { bytes: bank.views.bytes, ...bank.plan.states[id] }
    }
  }
  return { banks, makers, states }
}

/** Ids that every table of the graph has rows for. */
function vocabularyOf(graph: Graph): number {
  const tables = graph.operations.flatMap((operation) => (operation.kind === 'embedding' ? [operation.table.rows] : []))
  return Math.min(...tables)
}
