import type { ExpertsOperation, Weight } from '../../graph/operations.ts'
import { activationStride, type Rounding, rowStride } from './layout/geometry.ts'
import type { PlacedMatrix } from './layout/pack.ts'
import { type ExpertsShare, expertsOf, type Part } from './part.ts'
import { Placement } from './placement.ts'
import { type PlacedRows, roundingsOf } from './plan.ts'
import type { RoutingAddresses } from './routing.ts'

/** Work space of an `experts` operation: rows for every token and every expert that it is sent to. */
export interface ExpertsSpace {
  readonly routing: RoutingAddresses
  /** Inputs by expert, as floats and rounded: what the types of gate and up ask for. */
  readonly input: PlacedRows
  readonly roundedInput: RoundedRows
  /** Its activation, too. */
  readonly gate: PlacedRows
  readonly up: PlacedRows
  readonly roundedActivation: RoundedRows
  readonly down: PlacedRows
}

/** Rows in each form of rounded activations; of those that nobody asks for there are none. */
export type RoundedRows = Readonly<Record<Rounding, PlacedRows>>

/** Space for every `experts` operation of a bank, by the id of its output: the same for all, one works at a time. */
export function placeExperts(
  parts: readonly Part[],
  matrices: ReadonlyMap<string, PlacedMatrix>,
  maxTokens: number,
  placement: Placement,
): Map<number, ExpertsSpace> {
  const start = placement.end
  let end = start
  const spaces = new Map<number, ExpertsSpace>()
  for (const { operation, share } of parts) {
    if (operation.kind !== 'experts') continue
    const own = new Placement(start)
    spaces.set(operation.output.id, spaceOf(operation, share, matrices, maxTokens, own))
    end = Math.max(end, own.end)
  }
  placement.place(end - start)
  return spaces
}

function spaceOf(
  operation: ExpertsOperation,
  share: ExpertsShare | undefined,
  matrices: ReadonlyMap<string, PlacedMatrix>,
  maxTokens: number,
  placement: Placement,
): ExpertsSpace {
  const { input, experts, used } = operation
  const here = expertsOf(operation, share)
  const choices = maxTokens * used
  const rows = (count: number, stride: number): PlacedRows => ({ address: placement.place(count * stride), stride })
  const floats = (width: number): PlacedRows => rows(choices, rowStride(width))
  const rounded = (width: number, weights: readonly Weight[]): RoundedRows => {
    const needed = roundingsOf(weights, matrices)
    const rowsOf = (rounding: Rounding): PlacedRows => {
      return rows(needed.includes(rounding) ? choices : 0, activationStride(rounding, width))
    }
    return { blocks: rowsOf('blocks'), super_blocks: rowsOf('super_blocks') }
  }
  const words = (count: number): number => placement.place(4 * count)
  const width = experts[0].gate.rows
  return {
    routing: {
      scores: rows(maxTokens, rowStride(experts.length)),
      chosen: words(choices),
      weights: words(choices),
      rows: words(choices),
      tokens: words(choices),
      firstRows: words(experts.length + 1),
      busy: words(experts.length + 1),
    },
    input: floats(input.width),
    roundedInput: rounded(
      input.width,
      here.flatMap(({ gate, up }) => [gate, up]),
    ),
    gate: floats(width),
    up: floats(width),
    roundedActivation: rounded(
      width,
      here.map(({ down }) => down),
    ),
    down: floats(input.width),
  }
}
