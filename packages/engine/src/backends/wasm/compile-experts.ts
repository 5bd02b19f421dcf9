import type { Expert, ExpertsOperation } from '../../graph/operations.ts'
import type { Bank } from './bank.ts'
import type { BatchCounts } from './batch-inputs.ts'
import type { Instruction } from './compile.ts'
import type { ExpertsSpace, RoundedRows } from './experts-space.ts'
import { type PlannedBank, rowCopy } from './hop.ts'
import { ROWS_PER_GROUP } from './layout/block-layout.ts'
import { ACTIVATION_BLOCK, ROUNDINGS } from './layout/geometry.ts'
import { type PlacedMatrix, roundingOf } from './layout/pack.ts'
import { type ExpertsShare, expertsOf } from './part.ts'
import type { PlacedRows, Plan } from './plan.ts'
import { Routing } from './routing.ts'

const ROWS_AT_ONCE = 4
/** 128 rows of an expert's matrix. */
const GROUPS_AT_ONCE = 16

/** The experts of a mixture that a bank has. */
export interface ExpertsInBank extends PlannedBank {
  readonly share: ExpertsShare
  /** Rounds the operation's input in the forms that these experts read, where they are not there yet. */
  readonly roundInput: () => Instruction[]
}

/**
 * What follows the router's scores in an `experts` operation: choice of experts, their inputs gathered by expert, gate
 * and up, activation, down, and the weighted sum. An expert that has tokens reads its weights once a step for all of
 * them. What a token gets does not depend on the others: its rows go through the same kernels wherever they lie, and
 * are added in the order of its choices.
 *
 * Experts in other banks than the router's are told there which tokens they have; their outputs come back before the sum,
 * which so is the same to the bit wherever they are.
 */
export function compileExperts(
  operation: ExpertsOperation,
  home: ExpertsInBank,
  others: readonly ExpertsInBank[],
  counts: BatchCounts,
): Instruction[] {
  const { experts, used, normalise } = operation
  const { routing: addresses } = spaceIn(home.plan, operation)
  const routing = new Routing(addresses, { experts: experts.length, used, normalise }, home.bank.memory.buffer)
  const compiler = new ExpertsCompiler(operation, home, counts, routing)
  return [
    compiler.route(),
    ...compiler.compute(),
    ...others.flatMap((other) => {
      const away = new ExpertsCompiler(operation, other, counts, routing)
      return [away.fetchChoices(home), ...other.roundInput(), ...away.compute(), away.returnOutputs(home)]
    }),
    compiler.sum(),
  ]
}

class ExpertsCompiler {
  readonly #operation: ExpertsOperation
  readonly #plan: Plan
  readonly #space: ExpertsSpace
  readonly #bank: Bank
  readonly #share: ExpertsShare
  readonly #counts: BatchCounts
  readonly #routing: Routing

  constructor(operation: ExpertsOperation, here: ExpertsInBank, counts: BatchCounts, routing: Routing) {
    this.#operation = operation
    this.#plan = here.plan
    this.#bank = here.bank
    this.#share = here.share
    this.#space = spaceIn(here.plan, operation)
    this.#counts = counts
    this.#routing = routing
  }

  /** One unit: it is a matter of microseconds. */
  route(): Instruction {
    const counts = this.#counts
    const run = (): void => this.#routing.run(counts.tokens)
    return { ...this.#overChoices(run), units: () => Math.min(1, counts.tokens), unitsAtOnce: 1 }
  }

  /** The outputs of the experts that are here. */
  compute(): Instruction[] {
    return this.#share.from < this.#share.to ? [...this.#enter(), ...this.#leave()] : []
  }

  /** Which token each row is of. */
  fetchChoices(home: PlannedBank): Instruction {
    const there = spaceIn(home.plan, this.#operation).routing.tokens
    const here = this.#space.routing.tokens
    return this.#overRows(rowCopy(home.bank, { address: there, stride: 4 }, this.#bank, { address: here, stride: 4 }))
  }

  returnOutputs(home: PlannedBank): Instruction {
    const there = spaceIn(home.plan, this.#operation).down
    return this.#overRows(rowCopy(this.#bank, this.#space.down, home.bank, there))
  }

  sum(): Instruction {
    const kernel = this.#bank.kernel('weighted_sum')
    const { used, output } = this.#operation
    const { down, routing } = this.#space
    const { address } = this.#plan.values[output.id]
    const run = (from: number, to: number): void => {
      kernel(down.address, routing.rows, routing.weights, used, address, down.stride, from, to)
    }
    return { ...this.#overChoices(run), units: () => this.#counts.tokens, output }
  }

  /** Rows by expert, in the forms that the matrices of the experts read, and their products with gate and up. */
  #enter(): Instruction[] {
    const { input } = this.#operation
    const { gate, up, input: floats, roundedInput } = this.#space
    const gates = this.#matrices('gate')
    const ups = this.#matrices('up')
    const matrices = [...gates, ...ups]
    const asked = new Set(matrices.map(({ type }) => roundingOf(type)))
    const gathered: Instruction[] = []
    if (asked.has(undefined)) gathered.push(this.#gather(this.#plan.values[input.id], floats))
    for (const rounding of ROUNDINGS) {
      const rounded = this.#plan.rounded[rounding].get(input.id)
      if (rounded && asked.has(rounding)) gathered.push(this.#gather(rounded, roundedInput[rounding]))
    }
    return [...gathered, this.#product(gates, floats, roundedInput, gate), this.#product(ups, floats, roundedInput, up)]
  }

  /** The activations, and their products with down. */
  #leave(): Instruction[] {
    const { gate, up, roundedActivation, down } = this.#space
    const activate = this.#bank.kernel('gated_silu')
    const downs = this.#matrices('down')
    const blocks = downs[0].columns / ACTIVATION_BLOCK
    const activation = this.#overRows((from, to) => {
      activate(gate.address, up.address, gate.address, gate.stride, from, to)
    })
    const roundings = ROUNDINGS.filter((rounding) => downs.some(({ type }) => roundingOf(type) === rounding))
    const rounded = roundings.map((rounding) => {
      const quantize = this.#bank.kernel(`quantize_${rounding}`)
      const { address, stride } = roundedActivation[rounding]
      return this.#overRows((from, to) => {
        quantize(gate.address, gate.stride, address, stride, blocks, from, to)
      })
    })
    return [activation, ...rounded, this.#product(downs, gate, roundedActivation, down)]
  }

  #gather(source: PlacedRows, target: PlacedRows): Instruction {
    const kernel = this.#bank.kernel('select_rows')
    const { tokens } = this.#space.routing
    return this.#overRows((from, to) => {
      kernel(source.address, tokens, target.address, target.stride, from, to)
    })
  }

  /** Units are groups of 8 rows of the experts that have tokens, expert after expert. */
  #product(
    matrices: readonly PlacedMatrix[],
    floats: PlacedRows,
    rounded: RoundedRows,
    target: PlacedRows,
  ): Instruction {
    const kernels = matrices.map(({ type }) => this.#bank.kernel(`linear_${type}`))
    const groups = Math.ceil(matrices[0].rows / ROWS_PER_GROUP)
    const routing = this.#routing
    const { from: firstExpert, to: endOfExperts } = this.#share
    const run = (from: number, to: number): void => {
      const firstPlace = routing.busyBefore(firstExpert)
      for (let unit = from, end = from; unit < to; unit = end) {
        const place = Math.floor(unit / groups)
        end = Math.min(to, (place + 1) * groups)
        const expert = routing.busyExpert(firstPlace + place)
        const matrix = matrices[expert - firstExpert]
        const first = routing.firstRow(expert)
        const count = routing.firstRow(expert + 1) - first
        const rounding = roundingOf(matrix.type)
        const x = rounding ? rounded[rounding] : floats
        const steps = rounding ? matrix.columns / ACTIVATION_BLOCK : matrix.columns
        const [source, result] = [x.address + first * x.stride, target.address + first * target.stride]
        const groupFrom = unit - place * groups
        const groupTo = end - place * groups
        const { address, groupBytes } = matrix
        const kernel = kernels[expert - firstExpert]
        kernel(address, groupBytes, source, x.stride, count, result, target.stride, steps, groupFrom, groupTo)
      }
    }
    const units = (): number => (routing.busyBefore(endOfExperts) - routing.busyBefore(firstExpert)) * groups
    return { ...this.#overChoices(run), units, unitsAtOnce: GROUPS_AT_ONCE, unitsDependOnOthers: true }
  }

  /** Over the rows of the experts that are here, which lie together. */
  #overRows(run: Instruction['run']): Instruction {
    const { from, to } = this.#share
    if (to - from === this.#operation.experts.length) return this.#overChoices(run)
    const routing = this.#routing
    const shifted = (first: number, end: number): void => {
      const row = routing.firstRow(from)
      run(row + first, row + end)
    }
    const units = (): number => routing.firstRow(to) - routing.firstRow(from)
    return { ...this.#overChoices(shifted), units, unitsDependOnOthers: true }
  }

  /** Over the rows of all choices, for a start. */
  #overChoices(run: Instruction['run']): Instruction {
    const { output, used } = this.#operation
    const units = (): number => this.#counts.tokens * used
    return { name: output.name, units, unitsAtOnce: ROWS_AT_ONCE, run, output: undefined }
  }

  #matrices(part: keyof Expert): PlacedMatrix[] {
    return expertsOf(this.#operation, this.#share).map((expert) => {
      const matrix = this.#plan.matrices.get(expert[part].name)
      if (!matrix) throw new RangeError(`${expert[part].name} has no place in the plan`)
      return matrix
    })
  }
}

function spaceIn(plan: Plan, { output }: ExpertsOperation): ExpertsSpace {
  const space = plan.experts.get(output.id)
  if (!space) throw new RangeError(`${output.name} has no work space`)
  return space
}
