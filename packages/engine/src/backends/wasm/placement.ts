import { roundUp } from './layout/geometry.ts'

/** Whole cache lines, so that no two threads write to one. */
const ALIGNMENT = 64

/** Hands out addresses one after another. */
export class Placement {
  #end: number

  constructor(start: number) {
    this.#end = roundUp(start, ALIGNMENT)
  }

  get end(): number {
    return this.#end
  }

  place(bytes: number): number {
    const address = this.#end
    this.#end = roundUp(address + bytes, ALIGNMENT)
    return address
  }
}

/** Something that needs memory from one moment of a plan to another, both included. */
export interface Lifetime {
  readonly bytes: number
  readonly from: number
  readonly to: number
}

interface Placed extends Lifetime {
  readonly offset: number
}

/**
 * Gives each lifetime an offset in one arena, such that those that overlap in time do not overlap in memory: the
 * longest lived and largest first, each at the lowest offset that is free. What takes no bytes is at 0.
 */
export function placeLifetimes(lifetimes: readonly Lifetime[]): { offsets: number[]; bytes: number } {
  const order = Array.from(lifetimes.keys())
    .filter((i) => lifetimes[i].bytes > 0)
    .sort((a, b) => weightOf(lifetimes[b]) - weightOf(lifetimes[a]) || a - b)
  const offsets: number[] = new Array(lifetimes.length).fill(0)
  const placed: Placed[] = []
  for (const i of order) {
    const { from, to } = lifetimes[i]
    const bytes = roundUp(lifetimes[i].bytes, ALIGNMENT)
    const inTheWay = placed.filter((other) => other.from <= to && from <= other.to)
    const offset = lowestGap(inTheWay, bytes)
    offsets[i] = offset
    placed.push({ offset, bytes, from, to })
    placed.sort((a, b) => a.offset - b.offset)
  }
  return { offsets, bytes: placed.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0) }
}

function weightOf({ bytes, from, to }: Lifetime): number {
  return bytes * (to - from + 1)
}

/** `placed` in the order of their offsets. */
function lowestGap(placed: readonly Placed[], bytes: number): number {
  let offset = 0
  for (const other of placed) {
    if (other.offset >= offset + bytes) break
    offset = Math.max(offset, other.offset + other.bytes)
  }
  return offset
}
