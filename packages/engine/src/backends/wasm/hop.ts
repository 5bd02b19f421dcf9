import type { Operation, Value } from '../../graph/operations.ts'
import { inputsOf } from '../../graph/recorder.ts'
import type { Bank } from './bank.ts'
import type { BatchCounts } from './batch-inputs.ts'
import type { Instruction } from './compile.ts'
import type { PlacedRows, Plan } from './plan.ts'

/** A copy is fast: fewer rows are not worth a second thread. */
const ROWS_AT_ONCE = 32

/** A bank with what is in it. */
export interface PlannedBank {
  readonly plan: Plan
  readonly bank: Bank
}

/** Copies values to the banks that read them but do not make them, when they first do. */
export class Hops {
  readonly #banks: readonly PlannedBank[]
  readonly #counts: BatchCounts
  /** By the id of a value: the banks that have it, first the one that makes it. */
  readonly #holders = new Map<number, number[]>()

  constructor(banks: readonly PlannedBank[], counts: BatchCounts) {
    this.#banks = banks
    this.#counts = counts
  }

  /** What has to be copied before an operation can read its inputs in a bank. */
  before(operation: Operation, bank: number): Instruction[] {
    return inputsOf(operation).flatMap((input) => {
      const holders = this.#holders.get(input.id)
      if (!holders) throw new RangeError(`${input.name} is read before it is made`)
      if (holders.includes(bank)) return []
      holders.push(bank)
      return [this.#hop(input, this.#banks[holders[0]], this.#banks[bank])]
    })
  }

  made({ id }: Value, bank: number): void {
    this.#holders.set(id, [bank])
  }

  #hop({ id, name, size }: Value, from: PlannedBank, to: PlannedBank): Instruction {
    const counts = this.#counts
    return {
      name,
      units: size === 'tokens' ? () => counts.tokens : () => counts.rows,
      unitsAtOnce: ROWS_AT_ONCE,
      run: rowCopy(from.bank, from.plan.values[id], to.bank, to.plan.values[id]),
      output: undefined,
    }
  }
}

/** Copies rows of a bank to the same rows in another. */
export function rowCopy(from: Bank, source: PlacedRows, to: Bank, target: PlacedRows): Instruction['run'] {
  const here = new Uint8Array(from.memory.buffer)
  const there = new Uint8Array(to.memory.buffer)
  const { address, stride } = source
  return (first, end) => {
    there.set(here.subarray(address + first * stride, address + end * stride), target.address + first * stride)
  }
}
