import type { LowRank, LowRankUpdates } from '../../graph/low-rank.ts'
import type { Graph, LinearOperation, Operation } from '../../graph/operations.ts'
import type { CompileOptions } from '../backend.ts'
import { type Bank, createBank } from './bank.ts'
import type { BatchCounts } from './batch-inputs.ts'
import type { Instruction } from './compile.ts'
import { ROWS_PER_GROUP } from './layout/block-layout.ts'
import { groupBytes, matrixBytes, rowStride } from './layout/geometry.ts'
import { type PlacedMatrix, packRows, viewsOf } from './layout/pack.ts'
import { Placement } from './placement.ts'
import type { PlacedRows, Plan } from './plan.ts'
import { checkKernels } from './self-check.ts'

const FIRST_ADDRESS = 64
const KERNELS = { types: ['F32'], cacheTypes: [] } as const
const ROWS_AT_ONCE = 16
const GROUPS_AT_ONCE = 16

interface PlacedUpdate {
  readonly a: PlacedMatrix
  readonly b: PlacedMatrix
  readonly scale: number
}

/** Rows of work, reused by one operation after the other. */
interface WorkSpace {
  readonly input: number
  readonly inner: number
  readonly product: number
}

/**
 * An adapter in a bank of its own: the model's has no room for what comes later, and the adapter's memory goes with it.
 * For a linear operation y = W x, rows of x hop over, B (A x) is computed here in float32, and is added to y over there.
 */
export class AdapterBank {
  scale: number
  readonly #bank: Bank
  readonly #floats: Float32Array
  readonly #updates = new Map<string, PlacedUpdate>()
  readonly #work: WorkSpace

  /** @throws EngineError `out-of-memory` */
  constructor(updates: LowRankUpdates, scale: number, graph: Graph, options: CompileOptions) {
    this.scale = scale
    const placement = new Placement(FIRST_ADDRESS)
    for (const [name, update] of updates) this.#updates.set(name, placeUpdate(update, placement))
    this.#work = placeWork(this.#updates, graph, options, placement)
    this.#bank = createBank(placement.end, { ...KERNELS, operands: checkKernels(KERNELS).operands })
    const views = viewsOf(this.#bank.memory.buffer)
    this.#floats = views.floats
    for (const [name, { a, b }] of this.#updates) {
      const update = updates.get(name)
      if (!update) continue
      packRows(views, a, 0, a.rows, bytesOf(update.a))
      packRows(views, b, 0, b.rows, bytesOf(update.b))
    }
  }

  /** What follows a linear operation whose weight is adapted; nothing else has anything. */
  compile(operation: Operation, plan: Plan, model: Bank, counts: BatchCounts): Instruction[] {
    if (operation.kind !== 'linear') return []
    const update = this.#updates.get(operation.weight.name)
    if (!update) return []
    const { input, output } = operation
    const { name } = output
    const there = new Float32Array(model.memory.buffer)
    const here = this.#floats
    const [x, y] = [plan.values[input.id], plan.values[output.id]]
    const { columns, rows } = operation.weight
    const copied = rowsAt(this.#work.input, columns)
    const inner = rowsAt(this.#work.inner, update.a.rows)
    const product = rowsAt(this.#work.product, rows)
    const count = input.size === 'tokens' ? () => counts.tokens : () => counts.rows
    const perRow = { name, units: count, unitsAtOnce: ROWS_AT_ONCE, output: undefined }
    const enter = (from: number, to: number): void => {
      for (let row = from; row < to; row++) {
        const source = at(x, row)
        const target = at(copied, row)
        for (let i = 0; i < columns; i++) here[target + i] = there[source + i]
      }
    }
    const leave = (from: number, to: number): void => {
      const scale = this.scale * update.scale
      for (let row = from; row < to; row++) {
        const source = at(product, row)
        const target = at(y, row)
        for (let i = 0; i < rows; i++) there[target + i] += scale * here[source + i]
      }
    }
    return [
      { ...perRow, run: enter },
      this.#product(name, update.a, copied, inner, count),
      this.#product(name, update.b, inner, product, count),
      { ...perRow, run: leave },
    ]
  }

  #product(name: string, matrix: PlacedMatrix, x: PlacedRows, y: PlacedRows, count: () => number): Instruction {
    const kernel = this.#bank.kernel('linear_F32')
    const { address, groupBytes: bytes, columns } = matrix
    const groups = Math.ceil(matrix.rows / ROWS_PER_GROUP)
    return {
      name,
      units: () => (count() === 0 ? 0 : groups),
      unitsAtOnce: GROUPS_AT_ONCE,
      run: (from, to) => kernel(address, bytes, x.address, x.stride, count(), y.address, y.stride, columns, from, to),
      output: undefined,
    }
  }
}

function placeUpdate({ rank, a, b, scale }: LowRank, placement: Placement): PlacedUpdate {
  return {
    a: placeMatrix(rank, a.length / rank, placement),
    b: placeMatrix(b.length / rank, rank, placement),
    scale,
  }
}

function placeMatrix(rows: number, columns: number, placement: Placement): PlacedMatrix {
  const address = placement.place(matrixBytes('F32', rows, columns))
  return { address, type: 'F32', rows, columns, groupBytes: groupBytes('F32', columns) }
}

function placeWork(
  updates: ReadonlyMap<string, PlacedUpdate>,
  { operations }: Graph,
  options: CompileOptions,
  placement: Placement,
): WorkSpace {
  const needs = operations.flatMap((operation) => {
    if (operation.kind !== 'linear') return []
    const update = updates.get(operation.weight.name)
    return update ? [workOf(operation, update, options)] : []
  })
  const most = (part: keyof WorkSpace) => placement.place(Math.max(0, ...needs.map((need) => need[part])))
  return { input: most('input'), inner: most('inner'), product: most('product') }
}

function workOf({ input }: LinearOperation, { a, b }: PlacedUpdate, options: CompileOptions): WorkSpace {
  const rows = input.size === 'tokens' ? options.maxTokens : options.maxRows
  return { input: rows * rowStride(a.columns), inner: rows * rowStride(a.rows), product: rows * rowStride(b.rows) }
}

function rowsAt(address: number, width: number): PlacedRows {
  return { address, stride: rowStride(width) }
}

/** The index of a row's first float. */
function at({ address, stride }: PlacedRows, row: number): number {
  return (address + row * stride) / 4
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
