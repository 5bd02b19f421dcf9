/**
 * What an adapter adds to a weight W [rows, columns] of a linear operation, without touching it (LoRA, arXiv 2106.09685):
 * y = W x + scale B (A x).
 */
export interface LowRank {
  readonly rank: number
  /** A, [rank, columns] */
  readonly a: Float32Array
  /** B, [rows, rank] */
  readonly b: Float32Array
  readonly scale: number
}

/** An adapter as a backend sees it: by the names of weights that linear operations read. */
export type LowRankUpdates = ReadonlyMap<string, LowRank>
