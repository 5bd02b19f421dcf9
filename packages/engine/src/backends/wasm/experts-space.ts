import type { ExpertsOperation, Graph } from '../../graph/operations.ts'
import { activationStride, rowStride } from './layout/geometry.ts'
import { type PlacedMatrix, takesIntegers } from './layout/pack.ts'
import { Placement } from './placement.ts'
import type { PlacedRows } from './plan.ts'
import type { RoutingAddresses } from './routing.ts'

/** Work space of an `experts` operation: rows for every token and every expert that it is sent to. */
export interface ExpertsSpace {
  readonly routing: RoutingAddresses
  /** Inputs by expert, as floats and quantised: what the types of gate and up ask for. */
  readonly input: PlacedRows
  readonly quantizedInput: PlacedRows
  /** Its activation, too. */
  readonly gate: PlacedRows
  readonly up: PlacedRows
  readonly quantizedActivation: PlacedRows
  readonly down: PlacedRows
}

/** Space for every `experts` operation of a graph, by the id of its output: the same for all, one works at a time. */
export function placeExperts(
  graph: Graph,
  matrices: ReadonlyMap<string, PlacedMatrix>,
  maxTokens: number,
  placement: Placement,
): Map<number, ExpertsSpace> {
  const start = placement.end
  let end = start
  const spaces = new Map<number, ExpertsSpace>()
  for (const operation of graph.operations) {
    if (operation.kind !== 'experts') continue
    const own = new Placement(start)
    spaces.set(operation.output.id, spaceOf(operation, matrices, maxTokens, own))
    end = Math.max(end, own.end)
  }
  placement.place(end - start)
  return spaces
}

function spaceOf(
  { input, experts, used }: ExpertsOperation,
  matrices: ReadonlyMap<string, PlacedMatrix>,
  maxTokens: number,
  placement: Placement,
): ExpertsSpace {
  const choices = maxTokens * used
  const rows = (count: number, stride: number): PlacedRows => ({ address: placement.place(count * stride), stride })
  const floats = (width: number): PlacedRows => rows(choices, rowStride(width))
  const integers = (width: number, needed: boolean): PlacedRows => rows(needed ? choices : 0, activationStride(width))
  const words = (count: number): number => placement.place(4 * count)
  const { width, integerInput, integerActivation } = needsOf(experts, matrices)
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
    quantizedInput: integers(input.width, integerInput),
    gate: floats(width),
    up: floats(width),
    quantizedActivation: integers(width, integerActivation),
    down: floats(input.width),
  }
}

function needsOf(experts: ExpertsOperation['experts'], matrices: ReadonlyMap<string, PlacedMatrix>) {
  return {
    width: experts[0].gate.rows,
    integerInput: experts.some(({ gate, up }) => [gate, up].some(({ name }) => takesIntegers(matrices.get(name)))),
    integerActivation: experts.some(({ down }) => takesIntegers(matrices.get(down.name))),
  }
}
