import { EngineError } from '../../errors.ts'
import type { ExpertsOperation, Graph, Operation } from '../../graph/operations.ts'
import { inputsOf } from '../../graph/recorder.ts'
import { megabytes } from '../../machine/megabytes.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { CompileOptions } from '../backend.ts'
import { LARGEST_BANK } from './bank.ts'
import { matrixBytes } from './layout/geometry.ts'
import { matricesOf, type Part, partOf } from './part.ts'
import { type Plan, planMemory } from './plan.ts'

/**
 * A graph in as few banks as hold it: one after the other gets the operations that follow, as many as fit with their
 * weights, states and work space. Operations that use the same matrix or state are in the bank of the first of them. Cuts
 * are made where a single value crosses, as between the layers of a decoder, unless cuts elsewhere save a bank. Where
 * nothing else helps, the experts of a mixture are in several banks.
 * @throws EngineError `out-of-memory` where a single operation needs more than a bank
 * @throws CheckpointError for a weight that is missing or of a type no kernel knows
 */
export function planBanks(graph: Graph, tensors: ReadonlyMap<string, Tensor>, options: CompileOptions): Plan[] {
  const whole = planMemory(graph, tensors, options)
  const size = Math.min(options.bankBytes ?? LARGEST_BANK, LARGEST_BANK)
  if (whole.bytes <= size) return [whole]
  const planner: Planner = {
    size,
    plan: (parts) => planMemory(graph, tensors, options, parts),
    weightBytes: (parts) => weightBytes(parts, whole),
  }
  const atJoints = new Cutter(graph, planner).cut(betweenJoints(graph))
  const fewest = Math.ceil((whole.memory.weights + whole.memory.state) / size)
  if (atJoints.length === fewest) return atJoints
  const anywhere = new Cutter(graph, planner).cut(graph.operations.map((_, time) => [time]))
  return anywhere.length < atJoints.length ? anywhere : atJoints
}

interface Planner {
  /** Most bytes of a bank. */
  readonly size: number
  readonly plan: (parts: readonly Part[]) => Plan
  /** Of the matrices: soon counted, and enough to see that a bank is too small by far. */
  readonly weightBytes: (parts: readonly Part[]) => number
}

function weightBytes(parts: readonly Part[], { matrices }: Plan): number {
  let bytes = 0
  for (const name of new Set(parts.flatMap(matricesOf).map(({ name }) => name))) {
    const matrix = matrices.get(name)
    if (matrix) bytes += matrixBytes(matrix.type, matrix.rows, matrix.columns)
  }
  return bytes
}

/** Operations, by their times, that are not cut apart unless they must be. */
type Stretch = readonly number[]

/** A graph cut behind each operation at which one value crosses to the operations that follow. */
function betweenJoints({ operations, values, logits }: Graph): Stretch[] {
  const lastReads = values.map((value) => (value === logits ? operations.length : -1))
  operations.forEach((operation, time) => {
    for (const { id } of inputsOf(operation)) lastReads[id] = Math.max(lastReads[id], time)
  })
  const stretches: Stretch[] = []
  let stretch: number[] = []
  let crossing: number[] = []
  operations.forEach(({ output }, time) => {
    crossing = [...crossing, output.id].filter((id) => lastReads[id] > time)
    stretch.push(time)
    if (crossing.length > 1 && time < operations.length - 1) return
    stretches.push(stretch)
    stretch = []
  })
  return stretches
}

/** Fills one bank after the other. */
class Cutter {
  readonly #graph: Graph
  readonly #planner: Planner
  /** For the first operation that uses a matrix or a state: the others. */
  readonly #followers: ReadonlyMap<number, readonly number[]>
  readonly #taken = new Set<number>()
  readonly #full: Plan[] = []
  #parts: readonly Part[] = []

  constructor(graph: Graph, planner: Planner) {
    this.#graph = graph
    this.#planner = planner
    this.#followers = followersOf(graph.operations)
  }

  cut(stretches: readonly Stretch[]): Plan[] {
    const left = [...stretches]
    while (left.length > 0) {
      const count = largest(left.length, (count) => this.#fits(this.#with(left.slice(0, count).flat())))
      if (count > 0) this.#take(left.splice(0, count).flat())
      else if (this.#parts.length > 0 && this.#fits(this.#with(left[0], []))) this.#close()
      else if (left[0].length > 1) left.splice(0, 1, ...left[0].map((time) => [time]))
      else this.#spread(left.splice(0, 1)[0][0])
    }
    this.#close()
    return this.#full
  }

  /** An operation that no bank holds as a whole: the experts of a mixture, the first of them with all else. */
  #spread(time: number): void {
    const { operation } = partOf(this.#graph, time)
    if (operation.kind !== 'experts') {
      if (!this.#taken.has(time)) throw this.#tooLarge(this.#with([time], []), operation.output.name)
      return
    }
    for (let from = 0, isHome = true; isHome || from < operation.experts.length; ) {
      const upTo = (to: number): Part => ({ operation, time, share: { from, to, isHome } })
      const fits = (count: number) => this.#fits([...this.#parts, upTo(from + count)])
      const count = largest(operation.experts.length - from, fits)
      if (count > 0 || (isHome && fits(0))) {
        this.#parts = [...this.#parts, upTo(from + count)]
        from += count
        isHome = false
      } else if (this.#parts.length === 0) {
        throw this.#tooLarge([upTo(isHome ? from : from + 1)], expertName(operation, from))
      }
      if (from < operation.experts.length) this.#close()
    }
    this.#taken.add(time)
  }

  #take(times: readonly number[]): void {
    this.#parts = this.#with(times)
    for (const { time } of this.#parts) this.#taken.add(time)
  }

  /** A bank's parts and those of more operations, with what has to be with them. */
  #with(times: readonly number[], parts = this.#parts): Part[] {
    const more = new Set<number>()
    const add = (time: number): void => {
      if (more.has(time) || this.#taken.has(time)) return
      more.add(time)
      for (const follower of this.#followers.get(time) ?? []) add(follower)
    }
    for (const time of times) add(time)
    const added = Array.from(more, (time) => partOf(this.#graph, time))
    return [...parts, ...added].sort((a, b) => a.time - b.time)
  }

  #fits(parts: readonly Part[]): boolean {
    const { size, plan, weightBytes } = this.#planner
    return weightBytes(parts) <= size && plan(parts).bytes <= size
  }

  #close(): void {
    if (this.#parts.length > 0) this.#full.push(this.#planner.plan(this.#parts))
    this.#parts = []
  }

  #tooLarge(parts: readonly Part[], name: string): EngineError {
    const { size, plan } = this.#planner
    const message = `${name} alone needs ${megabytes(plan(parts).bytes)}, but a memory holds at most ${megabytes(size)}.`
    return new EngineError('out-of-memory', message, {
      remedy: 'Use a smaller or more strongly quantised model, a shorter context, or a smaller cache type.',
    })
  }
}

/** Who uses a matrix or a state that an earlier operation uses, by the first that does. */
function followersOf(operations: readonly Operation[]): Map<number, number[]> {
  const first = new Map<unknown, number>()
  const followers = new Map<number, number[]>()
  operations.forEach((operation, time) => {
    const shared = sharedOf(operation)
    const leader = first.get(shared)
    if (shared === undefined) return
    if (leader === undefined) first.set(shared, time)
    else followers.set(leader, [...(followers.get(leader) ?? []), time])
  })
  return followers
}

function sharedOf(operation: Operation): unknown {
  if (operation.kind === 'embedding') return operation.table.name
  if (operation.kind === 'linear') return operation.weight.name
  return operation.kind === 'attention' ? operation.state : undefined
}

function expertName({ output }: ExpertsOperation, expert: number): string {
  return `Expert ${expert} of ${output.name}`
}

/** The largest count up to `most` that fits, where fewer than one that fits do as well; 0 where none does. */
function largest(most: number, fits: (count: number) => boolean): number {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}
