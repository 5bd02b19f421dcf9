import { CheckpointError } from '../../errors.ts'
import type { Graph, Value, Weight } from '../../graph/operations.ts'
import { inputsOf } from '../../graph/recorder.ts'
import { DECODABLE_TYPES, type DecodableType, isDecodable } from '../../weights/element-type.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { CompileOptions, MemoryNeed } from '../backend.ts'
import { type ExpertsSpace, placeExperts } from './experts-space.ts'
import { attentionUnits, wantsRuns } from './kernels/attention.ts'
import { RUN_PAGES, runBytes } from './kernels/attention-runs.ts'
import { attentionScratchBytes, TASK_BYTES } from './kernels/attention-unit.ts'
import {
  activationStride,
  groupBytes,
  matrixBytes,
  ROUNDINGS,
  type Rounding,
  roundUp,
  rowStride,
} from './layout/geometry.ts'
import { pageBytes } from './layout/key-value-pages.ts'
import { type PlacedMatrix, roundingOf } from './layout/pack.ts'
import { expertsOf, isHome, matricesOf, type Part, vectorsOf, wholeGraph } from './part.ts'
import { type Lifetime, Placement, placeLifetimes } from './placement.ts'

export interface PlacedVector {
  readonly address: number
  readonly length: number
}

/** Rows of a value, or of its quantised form. */
export interface PlacedRows {
  readonly address: number
  readonly stride: number
}

/** Cosines and sines for the positions of a batch, shared by all rotations with the same frequencies. */
export interface RotaryTable {
  readonly address: number
  readonly inverseFrequencies: Float32Array
  readonly magnitude: number
}

/** Where the numbers of a batch lie. */
export interface InputAddresses {
  readonly ids: number
  readonly positions: number
  /** For each token its page * 64 + place in the page. */
  readonly slots: number
  readonly outputRows: number
  /** See kernels/attention.ts. */
  readonly tasks: number
  /** A piece of `pages` entries for each task. */
  readonly pageTables: number
}

/** Everything about a bank of a compiled graph: computed from shapes, before a byte of a weight is read. */
export interface Plan {
  /** What of the graph is in this bank, in the order in which it replays. */
  readonly parts: readonly Part[]
  /** Of the matrices. */
  readonly types: ReadonlySet<DecodableType>
  readonly matrices: ReadonlyMap<string, PlacedMatrix>
  /** Norms and biases, which are kept as floats. */
  readonly vectors: ReadonlyMap<string, PlacedVector>
  /** Page 0 of each kv state, in the order of the graph's states. Those that this bank does not have take no bytes. */
  readonly states: readonly PlacedRows[]
  /** In the order of the graph's values. Those that are never in this bank take no bytes. */
  readonly values: readonly PlacedRows[]
  /** Values in the forms of rounded activations, by their id: the linears that read one share them. */
  readonly rounded: Readonly<Record<Rounding, ReadonlyMap<number, PlacedRows>>>
  /** By the id of their output. */
  readonly experts: ReadonlyMap<number, ExpertsSpace>
  /** By the key of a rotation. */
  readonly rotaryTables: ReadonlyMap<string, RotaryTable>
  readonly inputs: InputAddresses
  /** Work space of the first thread, and how many bytes further that of the next is. */
  readonly scratch: number
  readonly scratchBytes: number
  /** What attention keeps of runs that are units of their own, see kernels/attention-runs.ts. */
  readonly keptOfRuns: number
  readonly memory: MemoryNeed
  /** Of the whole bank. */
  readonly bytes: number
}

/** No two threads write to one. */
const CACHE_LINE = 64

/** Most tokens of a batch in which runs of pages are units of their own. */
export const SPLIT_TOKENS = 8

/** Kernels read the last head of a row in whole vectors. */
const BEHIND_VALUES = 16

/** Address 0 stays unused. */
const FIRST_ADDRESS = 64

const NEVER: Lifetime = { bytes: 0, from: 0, to: 0 }

/**
 * @param parts what of the graph is in the bank
 * @throws CheckpointError for a weight that is missing or of a type no kernel knows
 */
export function planMemory(
  graph: Graph,
  tensors: ReadonlyMap<string, Tensor>,
  options: CompileOptions,
  parts: readonly Part[] = wholeGraph(graph),
): Plan {
  const placement = new Placement(FIRST_ADDRESS)
  const weights = placeWeights(parts, tensors, placement)
  const weightsEnd = placement.end
  const statesHere = new Set(parts.map(({ operation }) => operation.kind === 'attention' && operation.state))
  const states = graph.states.map((state) => {
    const stride = pageBytes(state, options.cacheType)
    return { address: placement.place(statesHere.has(state) ? stride * options.pages : 0), stride }
  })
  const statesEnd = placement.end
  const inputs = placeInputs(options, placement)
  const rotaryTables = placeRotaryTables(parts, options, placement)
  const scratchBytes = roundUp(scratchOf(parts), CACHE_LINE)
  const scratch = placement.place(options.threads * scratchBytes)
  const keptOfRuns = placement.place(keptBytes(parts, options))
  const experts = placeExperts(parts, weights.matrices, options.maxTokens, placement)
  const values = placeValues(graph, parts, weights.matrices, options, placement)
  const memory = {
    weights: weightsEnd,
    state: statesEnd - weightsEnd,
    activations: placement.end - statesEnd,
  }
  return {
    parts,
    ...weights,
    states,
    inputs,
    rotaryTables,
    scratch,
    scratchBytes,
    keptOfRuns,
    experts,
    ...values,
    memory,
    bytes: placement.end,
  }
}

function placeWeights(parts: readonly Part[], tensors: ReadonlyMap<string, Tensor>, placement: Placement) {
  const matrices = new Map<string, PlacedMatrix>()
  const vectors = new Map<string, PlacedVector>()
  for (const part of parts) {
    for (const { name, rows, columns } of matricesOf(part)) {
      if (matrices.has(name)) continue
      const type = typeOf(name, tensors.get(name))
      const address = placement.place(matrixBytes(type, rows, columns))
      matrices.set(name, { address, type, rows, columns, groupBytes: groupBytes(type, columns) })
    }
    for (const { name, columns } of vectorsOf(part)) {
      if (vectors.has(name)) continue
      typeOf(name, tensors.get(name))
      vectors.set(name, { address: placement.place(rowStride(columns)), length: columns })
    }
  }
  const types = new Set(Array.from(matrices.values(), ({ type }) => type))
  return { types, matrices, vectors }
}

function typeOf(name: string, tensor: Tensor | undefined): DecodableType {
  if (!tensor) throw new CheckpointError('invalid-checkpoint', `The tensor ${name} is missing.`, { field: name })
  if (isDecodable(tensor.type)) return tensor.type
  const file = tensor.source.name
  throw new CheckpointError(
    'unsupported-type',
    `${file}: the tensor ${name} is of type ${tensor.type}, which this version cannot run.`,
    {
      file,
      field: name,
      remedy: `Download the model in one of ${DECODABLE_TYPES.join(', ')}.`,
    },
  )
}

function placeInputs({ maxTokens, maxRows, pages }: CompileOptions, placement: Placement): InputAddresses {
  return {
    ids: placement.place(4 * maxTokens),
    positions: placement.place(4 * maxTokens),
    slots: placement.place(4 * maxTokens),
    outputRows: placement.place(4 * maxRows),
    tasks: placement.place(TASK_BYTES * maxTokens),
    pageTables: placement.place(4 * pages * maxTokens),
  }
}

function placeRotaryTables(
  parts: readonly Part[],
  options: CompileOptions,
  placement: Placement,
): Map<string, RotaryTable> {
  const tables = new Map<string, RotaryTable>()
  for (const { operation } of parts) {
    if (operation.kind !== 'rotate' || tables.has(rotaryKey(operation))) continue
    const { inverseFrequencies, magnitude } = operation
    const address = placement.place(8 * inverseFrequencies.length * options.maxTokens)
    tables.set(rotaryKey(operation), { address, inverseFrequencies, magnitude })
  }
  return tables
}

/** Equal for rotations that can share a table. */
export function rotaryKey(rotation: { inverseFrequencies: Float32Array; magnitude: number }): string {
  return `${rotation.magnitude} ${rotation.inverseFrequencies.join()}`
}

function scratchOf(parts: readonly Part[]): number {
  const needs = parts.map(({ operation }) => {
    return operation.kind === 'attention' ? attentionScratchBytes(operation.state.headDimension) : 0
  })
  return Math.max(0, ...needs)
}

/** Nothing where no attention shares runs among threads, not even that of one token. */
function keptBytes(parts: readonly Part[], { threads, maxTokens, pages }: CompileOptions): number {
  const needs = parts.map(({ operation }) => {
    if (operation.kind !== 'attention') return 0
    const { heads, state } = operation
    const units = attentionUnits(state.keyValueHeads, heads / state.keyValueHeads)
    return wantsRuns(units, threads) ? heads * runBytes(state.headDimension) : 0
  })
  return Math.min(SPLIT_TOKENS, maxTokens) * Math.ceil(pages / RUN_PAGES) * Math.max(0, ...needs)
}

/**
 * Values and quantised activations share one arena; each is there from the operation that makes it, or that it is fetched
 * for from another bank, to its last reader in any bank.
 */
function placeValues(
  graph: Graph,
  parts: readonly Part[],
  matrices: ReadonlyMap<string, PlacedMatrix>,
  options: CompileOptions,
  placement: Placement,
) {
  const rowsOf = (value: Value): number => (value.size === 'tokens' ? options.maxTokens : options.maxRows)
  const lastReads = lastReadsOf(graph)
  const valueLives = graph.values.map((): Lifetime => NEVER)
  const roundedLives = { blocks: new Map<number, Lifetime>(), super_blocks: new Map<number, Lifetime>() }
  const begin = (value: Value, from: number): void => {
    if (valueLives[value.id] !== NEVER) return
    const bytes = rowsOf(value) * rowStride(value.width)
    valueLives[value.id] = { bytes, from, to: Math.max(lastReads[value.id], from) }
  }
  for (const part of parts) {
    const { operation, time } = part
    for (const input of inputsOf(operation)) begin(input, time)
    if (isHome(part)) begin(operation.output, time)
    for (const { input, rounding } of roundedInputs(part, matrices)) {
      const bytes = rowsOf(input) * activationStride(rounding, input.width)
      const lives = roundedLives[rounding]
      lives.set(input.id, { bytes, from: lives.get(input.id)?.from ?? time, to: time })
    }
  }
  const { blocks, super_blocks } = roundedLives
  const { offsets, bytes } = placeLifetimes([...valueLives, ...blocks.values(), ...super_blocks.values()])
  const arena = placement.place(bytes + BEHIND_VALUES)
  const values = graph.values.map(({ width }, i) => ({ address: arena + offsets[i], stride: rowStride(width) }))
  const rowsFrom = (first: number, rounding: Rounding): Map<number, PlacedRows> => {
    const ids = [...roundedLives[rounding].keys()]
    return new Map(
      ids.map((id, i) => {
        const stride = activationStride(rounding, graph.values[id].width)
        return [id, { address: arena + offsets[first + i], stride }]
      }),
    )
  }
  const rounded = {
    blocks: rowsFrom(values.length, 'blocks'),
    super_blocks: rowsFrom(values.length + blocks.size, 'super_blocks'),
  }
  return { values, rounded }
}

/** For each value the last operation that reads it; behind the last operation somebody reads the logits. */
function lastReadsOf({ values, operations, logits }: Graph): number[] {
  const last = values.map((value) => (value === logits ? operations.length : 0))
  operations.forEach((operation, time) => {
    for (const { id } of inputsOf(operation)) last[id] = Math.max(last[id], time)
  })
  return last
}

/** The input that a part reads as small integers, to multiply it with weights of such, in each form that these ask for. */
export function roundedInputs(
  { operation, share }: Part,
  matrices: ReadonlyMap<string, PlacedMatrix>,
): { input: Value; rounding: Rounding }[] {
  if (operation.kind !== 'linear' && operation.kind !== 'experts') return []
  const weights =
    operation.kind === 'linear'
      ? [operation.weight]
      : [
          ...(share?.isHome ? [operation.router] : []),
          ...expertsOf(operation, share).flatMap(({ gate, up }) => [gate, up]),
        ]
  return roundingsOf(weights, matrices).map((rounding) => ({ input: operation.input, rounding }))
}

/** The forms of rounded activations that matrices ask for. */
export function roundingsOf(weights: readonly Weight[], matrices: ReadonlyMap<string, PlacedMatrix>): Rounding[] {
  const asked = weights.map(({ name }) => matrices.get(name)).map((matrix) => matrix && roundingOf(matrix.type))
  return ROUNDINGS.filter((rounding) => asked.includes(rounding))
}
