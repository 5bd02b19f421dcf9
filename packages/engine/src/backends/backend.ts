import type { LowRankUpdates } from '../graph/low-rank.ts'
import type { Graph } from '../graph/operations.ts'
import type { Tensor } from '../weights/tensor.ts'

export type BackendName = 'reference' | 'wasm'

/**
 * How keys and values are stored: as floats of 32 or 16 bits, or as integers of 16 or 8 with a scale for each 32 numbers of a
 * key and each head's value.
 */
export const CACHE_TYPES = ['f32', 'f16', 'i16', 'q8_0'] as const
export type CacheType = (typeof CACHE_TYPES)[number]

/** Tokens of one sequence that share a page of the kv state; a page belongs to one sequence or to its forks. */
export const PAGE_LENGTH = 64

export interface CompileOptions {
  /** Most tokens in one batch. */
  readonly maxTokens: number
  /** Most rows with logits in one batch. */
  readonly maxRows: number
  /** Pages of PAGE_LENGTH tokens in each kv state. */
  readonly pages: number
  readonly cacheType: CacheType
  /** Most bytes of one memory, where a backend has several; default what its addresses reach. */
  readonly bankBytes?: number
  /** Threads that compute a step together, where the backend has threads. */
  readonly threads: number
  /** Whether fewer of them write where the device has shown, or shows in the first steps, that this is faster. */
  readonly triesFewerThreads?: boolean
  /** Whether optimised code is checked as well: its compiler was asked for more than it does by itself. */
  readonly checksOptimised?: boolean
}

/** Bytes a compiled model needs, computed before a weight is read. */
export interface MemoryNeed {
  readonly weights: number
  readonly state: number
  readonly activations: number
}

/** The tokens of one step. They may belong to many sequences, in any order that keeps each sequence's positions rising. */
export interface Batch {
  /** [tokens] */
  readonly ids: Int32Array
  /** [tokens] position of each token in its sequence, from 0 */
  readonly positions: Int32Array
  /** [tokens] index into `pageTables` */
  readonly sequences: Int32Array
  /** For each sequence the page that holds positions [i * PAGE_LENGTH, (i + 1) * PAGE_LENGTH), this batch's included. */
  readonly pageTables: readonly Int32Array[]
  /** Indices of the tokens that want logits, rising. */
  readonly outputRows: Int32Array
}

/** Called with each intermediate as it is computed; `values` [rows, width] is valid only during the call. */
export type Tap = (name: string, values: Float32Array, rows: number, width: number) => void

/** An adapter at work. */
export interface Attachment {
  /** What multiplies all of its updates from the next step on. */
  setScale(scale: number): void
  /** Takes it out: what follows is to the bit as if it had never been there. Twice is fine. */
  detach(): void
}

/** A graph with its weights and states in a backend's memory. */
export interface CompiledModel {
  readonly memory: MemoryNeed
  /** What users should know of how it computes, in sentences: where something had to be done in a slower way. */
  readonly notices: readonly string[]
  /**
   * Streams every weight of the graph from the checkpoint into the backend's own layout.
   * @param tensors by the graph's weight names
   * @param onProgress bytes of the checkpoint read so far
   */
  load(
    tensors: ReadonlyMap<string, Tensor>,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<void>
  /**
   * Replays the plan for a batch. Async once, for backends whose answers arrive later; one step at a time.
   * @returns logits [outputRows.length, vocabulary]; valid until the next step
   */
  step(batch: Batch, tap?: Tap): Promise<Float32Array>
  /**
   * Adds an adapter's updates to what linear operations compute, from the next step on; the weights stay as they are.
   * Several add up. Keys and values that are there already are the caller's business.
   * @throws EngineError `out-of-memory`
   */
  attach(updates: LowRankUpdates, scale: number): Attachment
  /** Bytes of a page, in all kv states together. */
  readonly pageBytes: number
  /** Names how a page is laid out: between models of the same weights pages can be moved where it is the same. */
  readonly pageLayout: string
  /** Copies a page [pageBytes] out: its first `tokens` tokens, in every kv state; what lies behind them is zero. */
  readPage(page: number, tokens: number, target: Uint8Array): void
  /** Copies in what `readPage` has copied out. */
  writePage(page: number, source: Uint8Array): void
  /** Copies the first `tokens` tokens of a page, in every kv state. For forks that go on separately. */
  copyPage(from: number, to: number, tokens: number): void
  dispose(): void
}

export interface Backend {
  readonly name: BackendName
  /** What `compile` would need, from the graph and the tensors' types and shapes alone. */
  measure(graph: Graph, tensors: ReadonlyMap<string, Tensor>, options: CompileOptions): MemoryNeed
  /** @throws EngineError `out-of-memory` with the numbers when the need does not fit. */
  compile(graph: Graph, tensors: ReadonlyMap<string, Tensor>, options: CompileOptions): CompiledModel
}
