import type { Expert, ExpertsOperation, Graph, Operation, Weight } from '../../graph/operations.ts'

/** What a bank has of an operation: all of it, unless some experts of a mixture are in other banks. */
export interface Part {
  readonly operation: Operation
  /** Its place in the graph: all parts replay in this order. */
  readonly time: number
  readonly share: ExpertsShare | undefined
}

/** Some experts of a mixture, none included. */
export interface ExpertsShare {
  /** The first, and the one behind the last. */
  readonly from: number
  readonly to: number
  /** Whether the router, the choice of experts and the sum of their outputs are in this bank. */
  readonly isHome: boolean
}

export function partOf(graph: Graph, time: number): Part {
  const operation = graph.operations[time]
  const share = operation.kind === 'experts' ? { from: 0, to: operation.experts.length, isHome: true } : undefined
  return { operation, time, share }
}

/** A graph that is all in one bank. */
export function wholeGraph(graph: Graph): Part[] {
  return graph.operations.map((_, time) => partOf(graph, time))
}

/** Whether the output of the operation is made here. */
export function isHome({ share }: Part): boolean {
  return share?.isHome ?? true
}

/** Matrices of the part whose rows products or an embedding read. */
export function matricesOf({ operation, share }: Part): Weight[] {
  switch (operation.kind) {
    case 'linear':
      return [operation.weight]
    case 'embedding':
      return [operation.table]
    case 'experts':
      return [...(share?.isHome ? [operation.router] : []), ...expertsOf(operation, share).flatMap(weightsOf)]
    default:
      return []
  }
}

/** Norms and biases. */
export function vectorsOf({ operation }: Part): Weight[] {
  if (operation.kind === 'normalize') return [operation.weight]
  return operation.kind === 'linear' && operation.bias ? [operation.bias] : []
}

export function expertsOf({ experts }: ExpertsOperation, share: ExpertsShare | undefined): readonly Expert[] {
  return share ? experts.slice(share.from, share.to) : experts
}

function weightsOf({ gate, up, down }: Expert): Weight[] {
  return [gate, up, down]
}
