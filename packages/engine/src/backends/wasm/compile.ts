import type {
  AttentionOperation,
  EmbeddingOperation,
  ExpertsOperation,
  GatedActivationOperation,
  Graph,
  LinearOperation,
  NormalizeOperation,
  Operation,
  RotateOperation,
  SelectRowsOperation,
  Value,
  Weight,
} from '../../graph/operations.ts'
import type { CacheType } from '../backend.ts'
import type { AdapterBank } from './adapter-bank.ts'
import type { Bank } from './bank.ts'
import type { BatchCounts } from './batch-inputs.ts'
import { compileExperts, type ExpertsInBank } from './compile-experts.ts'
import { Hops, type PlannedBank } from './hop.ts'
import { attentionUnits, attentionUnitsAtOnce, wantsRuns } from './kernels/attention.ts'
import { ROWS_PER_GROUP } from './layout/block-layout.ts'
import { ACTIVATION_BLOCK, groupBytes, type Rounding } from './layout/geometry.ts'
import { roundingOf } from './layout/pack.ts'
import { isHome, type Part } from './part.ts'
import { type PlacedRows, type Plan, rotaryKey, roundedInputs } from './plan.ts'

/**
 * One call of a kernel in a step. Its work falls into units that can be done in any order and by any thread: what a
 * unit writes depends neither on the others nor on the ranges they are called in.
 */
export interface Instruction {
  readonly name: string
  /** Units of work in the present batch. */
  readonly units: () => number
  /** Units that one call takes: few enough to share among threads, enough to be worth a call. */
  readonly unitsAtOnce: number
  readonly run: (from: number, to: number) => void
  /** The number of units is what an earlier instruction of the same step finds. */
  readonly unitsDependOnOthers?: true
  /** The value that is complete afterwards. */
  readonly output: Value | undefined
  /** What the first thread does then, alone: what adapters add. */
  readonly additions?: readonly Instruction[] | undefined
}

/** Rows of a matrix that are worth a call are 128; more where that still leaves every thread so many blocks. */
const LEAST_GROUPS_AT_ONCE = 16
const BLOCKS_OF_A_THREAD = 32
const ROWS_AT_ONCE = 4

interface CompileGraphOptions {
  /** How many share the work. */
  readonly threads?: number
  /** Its number among them; each has work space of its own. */
  readonly thread?: number
  readonly adapters?: readonly AdapterBank[]
}

/** The instructions of a graph in its banks, in the order in which they replay. */
export function compileGraph(
  graph: Graph,
  banks: readonly PlannedBank[],
  counts: BatchCounts,
  cacheType: CacheType,
  { threads = 1, thread = 0, adapters = [] }: CompileGraphOptions = {},
): Instruction[] {
  const compilers = banks.map(({ plan, bank }) => new Compiler(plan, bank, counts, cacheType, threads, thread))
  const hops = new Hops(banks, counts)
  const places = placesOf(graph, banks)
  return graph.operations.flatMap((operation, time) => {
    const [home, ...others] = places[time]
    const fetched = places[time].flatMap(({ bank }) => hops.before(operation, bank))
    hops.made(operation.output, home.bank)
    const instructions =
      operation.kind === 'experts'
        ? compilers[home.bank].experts(
            operation,
            home.part,
            others.map(({ bank, part }) => compilers[bank].share(part)),
          )
        : compilers[home.bank].compile(operation)
    const { plan, bank } = banks[home.bank]
    const additions = adapters.flatMap((adapter) => adapter.compile(operation, plan, bank, counts))
    const last = instructions.pop()
    if (!last) return fetched
    return [...fetched, ...instructions, additions.length > 0 ? { ...last, additions } : last]
  })
}

/** For each operation the banks that have a part of it, first the one that has its output. */
function placesOf(graph: Graph, banks: readonly PlannedBank[]) {
  const places = graph.operations.map((): { bank: number; part: Part }[] => [])
  banks.forEach(({ plan }, bank) => {
    for (const part of plan.parts) {
      if (isHome(part)) places[part.time].unshift({ bank, part })
      else places[part.time].push({ bank, part })
    }
  })
  return places
}

class Compiler {
  readonly #plan: Plan
  readonly #bank: Bank
  readonly #counts: BatchCounts
  readonly #cacheType: CacheType
  readonly #threads: number
  readonly #thread: number
  /** Values whose rounded forms an earlier instruction has written. */
  readonly #rounded = { blocks: new Set<number>(), super_blocks: new Set<number>() }

  constructor(plan: Plan, bank: Bank, counts: BatchCounts, cacheType: CacheType, threads: number, thread: number) {
    this.#plan = plan
    this.#bank = bank
    this.#counts = counts
    this.#cacheType = cacheType
    this.#threads = threads
    this.#thread = thread
  }

  compile(operation: Exclude<Operation, ExpertsOperation>): Instruction[] {
    switch (operation.kind) {
      case 'embedding':
        return [this.#embedding(operation)]
      case 'normalize':
        return [this.#normalize(operation)]
      case 'linear':
        return this.#linear(operation)
      case 'rotate':
        return [this.#rotate(operation)]
      case 'attention':
        return [this.#append(operation), ...this.#attention(operation)]
      case 'gatedActivation':
        return [this.#elementwise('gated_silu', operation, operation.gate, operation.up)]
      case 'add':
        return [this.#elementwise('add', operation, operation.left, operation.right)]
      case 'selectRows':
        return [this.#selectRows(operation)]
    }
  }

  #embedding({ table, output }: EmbeddingOperation): Instruction {
    const matrix = this.#matrix(table.name)
    const { address, stride } = this.#rows(output)
    const kernel = this.#bank.kernel(`embedding_${matrix.type}`)
    const bytes = groupBytes(matrix.type, matrix.columns)
    const { ids } = this.#plan.inputs
    return this.#perRow(output, (from, to) => {
      kernel(matrix.address, bytes, matrix.columns, ids, address, stride, from, to)
    })
  }

  #normalize({ input, weight, groupWidth, epsilon, output }: NormalizeOperation): Instruction {
    const kernel = this.#bank.kernel('normalize')
    const [x, y] = [this.#rows(input), this.#rows(output)]
    const vector = this.#vector(weight.name)
    const groups = input.width / groupWidth
    return this.#perRow(output, (from, to) => {
      kernel(x.address, y.address, x.stride, vector, groups, groupWidth, epsilon, from, to)
    })
  }

  #linear({ input, weight, bias, output }: LinearOperation): Instruction[] {
    const product = this.#product(input, weight, this.#rows(output), output.name)
    const last = bias ? this.#addBias(output, bias.name) : product.pop()
    return last ? [...product, { ...last, output }] : product
  }

  /** y = x W^T, and x rounded before it where the type of W asks for that. */
  #product(input: Value, weight: Weight, y: PlacedRows, name: string): Instruction[] {
    const matrix = this.#matrix(weight.name)
    const { address, type, rows, columns, groupBytes: bytes } = matrix
    const kernel = this.#bank.kernel(`linear_${type}`)
    const count = this.#counter(input)
    const rounding = roundingOf(type)
    const x = rounding ? this.#roundedRows(input, rounding) : this.#rows(input)
    const steps = rounding ? columns / ACTIVATION_BLOCK : columns
    const groups = Math.ceil(rows / ROWS_PER_GROUP)
    const product: Instruction = {
      name,
      units: () => (count() === 0 ? 0 : groups),
      unitsAtOnce: this.#groupsAtOnce(groups),
      run: (from, to) => kernel(address, bytes, x.address, x.stride, count(), y.address, y.stride, steps, from, to),
      output: undefined,
    }
    return rounding ? [...this.#quantize(input, rounding), product] : [product]
  }

  #groupsAtOnce(groups: number): number {
    if (this.#threads === 1) return groups
    return Math.max(LEAST_GROUPS_AT_ONCE, Math.ceil(groups / (BLOCKS_OF_A_THREAD * this.#threads)))
  }

  /** @param others that have some of the experts, too */
  experts(operation: ExpertsOperation, part: Part, others: readonly ExpertsInBank[]): Instruction[] {
    const { input, router, output } = operation
    const scores = this.#plan.experts.get(output.id)?.routing.scores
    if (!scores) throw new RangeError(`${output.name} has no work space`)
    const here = this.share(part)
    return [
      ...here.roundInput(),
      ...this.#product(input, router, scores, `${output.name}.logits`),
      ...compileExperts(operation, here, others, this.#counts),
    ]
  }

  /** The experts of a mixture that are in this bank. */
  share(part: Part): ExpertsInBank {
    if (!part.share) throw new RangeError(`${part.operation.output.name} has no experts`)
    const inputs = roundedInputs(part, this.#plan.matrices)
    const roundInput = () => inputs.flatMap(({ input, rounding }) => this.#quantize(input, rounding))
    return { plan: this.#plan, bank: this.#bank, share: part.share, roundInput }
  }

  /** Nothing where an earlier linear has rounded the same input likewise. */
  #quantize(input: Value, rounding: Rounding): Instruction[] {
    if (this.#rounded[rounding].has(input.id)) return []
    this.#rounded[rounding].add(input.id)
    const kernel = this.#bank.kernel(`quantize_${rounding}`)
    const [x, q] = [this.#rows(input), this.#roundedRows(input, rounding)]
    const blocks = input.width / ACTIVATION_BLOCK
    const run = (from: number, to: number): void => kernel(x.address, x.stride, q.address, q.stride, blocks, from, to)
    return [{ ...this.#perRow(input, run), output: undefined }]
  }

  #addBias(output: Value, bias: string): Instruction {
    const kernel = this.#bank.kernel('add_bias')
    const { address, stride } = this.#rows(output)
    const vector = this.#vector(bias)
    return this.#perRow(output, (from, to) => kernel(address, vector, stride, from, to))
  }

  #rotate(operation: RotateOperation): Instruction {
    const { input, heads, headDimension, pairing, inverseFrequencies, output } = operation
    const kernel = this.#bank.kernel(`rotate_${pairing}`)
    const [x, y] = [this.#rows(input), this.#rows(output)]
    const table = this.#plan.rotaryTables.get(rotaryKey(operation))
    if (!table) throw new RangeError(`${output.name} has no rotary table`)
    const pairs = inverseFrequencies.length
    return this.#perRow(output, (from, to) => {
      kernel(x.address, y.address, x.stride, table.address, pairs, heads, headDimension, from, to)
    })
  }

  /** Writes the batch's keys and values, so that they are there before the first query looks. */
  #append({ key, value, state, output }: AttentionOperation): Instruction {
    const kernel = this.#bank.kernel(`append_${this.#cacheType}`)
    const [k, v] = [this.#rows(key), this.#rows(value)]
    const { slots } = this.#plan.inputs
    const { address: pages, stride: pageBytes } = this.#plan.states[state.id]
    const { keyValueHeads: heads, headDimension } = state
    const run = (from: number, to: number): void => {
      kernel(k.address, v.address, k.stride, slots, pages, pageBytes, heads, headDimension, from, to)
    }
    return { ...this.#perRow(output, run), output: undefined }
  }

  /** Where threads would be idle, runs of pages are units of their own, and are joined afterwards. */
  #attention({ query, state, heads, scale, output }: AttentionOperation): Instruction[] {
    const kernel = this.#bank.kernel(`attention_${this.#cacheType}`)
    const join = this.#bank.kernel('join_runs')
    const [q, y] = [this.#rows(query), this.#rows(output)]
    const { inputs, states, keptOfRuns } = this.#plan
    const scratch = this.#plan.scratch + this.#thread * this.#plan.scratchBytes
    const { address: pages, stride: pageBytes } = states[state.id]
    const { keyValueHeads, headDimension } = state
    const { positions, tasks } = inputs
    const perGroup = heads / keyValueHeads
    const unitsOfTask = attentionUnits(keyValueHeads, perGroup)
    const units = (): number => this.#counts.tasks * unitsOfTask
    const runs = (): number => (wantsRuns(units(), this.#threads) ? this.#counts.runs : 1)
    const work = [pages, pageBytes, positions, tasks] as const
    const shape = [keyValueHeads, perGroup, headDimension, scale, scratch] as const
    const attention: Instruction = {
      name: output.name,
      units: () => units() * runs(),
      unitsAtOnce: attentionUnitsAtOnce(unitsOfTask, this.#threads, this.#cacheType),
      run: (from, to) =>
        kernel(q.address, q.stride, y.address, y.stride, ...work, runs(), keptOfRuns, ...shape, from, to),
      output,
    }
    if (!wantsRuns(unitsOfTask, this.#threads)) return [attention]
    const joining = this.#perRow(output, (from, to) => {
      join(keptOfRuns, runs(), positions, y.address, y.stride, heads, headDimension, from, to)
    })
    return [
      { ...attention, output: undefined },
      { ...joining, units: () => (runs() === 1 ? 0 : this.#counts.tokens) },
    ]
  }

  #elementwise(
    name: 'add' | 'gated_silu',
    { output }: { output: Value } | GatedActivationOperation,
    left: Value,
    right: Value,
  ): Instruction {
    const kernel = this.#bank.kernel(name)
    const [a, b, y] = [this.#rows(left), this.#rows(right), this.#rows(output)]
    return this.#perRow(output, (from, to) => kernel(a.address, b.address, y.address, y.stride, from, to))
  }

  #selectRows({ input, output }: SelectRowsOperation): Instruction {
    const kernel = this.#bank.kernel('select_rows')
    const [x, y] = [this.#rows(input), this.#rows(output)]
    const { outputRows } = this.#plan.inputs
    return this.#perRow(output, (from, to) => kernel(x.address, outputRows, y.address, y.stride, from, to))
  }

  #perRow(output: Value, run: Instruction['run']): Instruction {
    return { name: output.name, units: this.#counter(output), unitsAtOnce: ROWS_AT_ONCE, run, output }
  }

  #counter(value: Value): () => number {
    return value.size === 'tokens' ? () => this.#counts.tokens : () => this.#counts.rows
  }

  #rows(value: Value) {
    return this.#plan.values[value.id]
  }

  #roundedRows(value: Value, rounding: Rounding) {
    return known(this.#plan.rounded[rounding].get(value.id), value.name)
  }

  #matrix(name: string) {
    return known(this.#plan.matrices.get(name), name)
  }

  #vector(name: string) {
    return known(this.#plan.vectors.get(name), name).address
  }
}

function known<T>(placed: T | undefined, name: string): T {
  if (placed === undefined) throw new RangeError(`${name} has no place in the plan`)
  return placed
}
