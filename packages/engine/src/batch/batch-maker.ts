import type { Batch } from '../backends/backend.ts'
import type { KeyValueSequence } from '../cache/kv.ts'

/** Tokens that one sequence wants computed. */
export interface Work {
  readonly sequence: KeyValueSequence
  /** Not yet computed; the batch maker takes from the front. */
  pending: ArrayLike<number>
  /** Logits of every token, or of the last one only. */
  readonly outputs: 'all' | 'last'
  /** What may follow them, for `last`: computed with logits where there is room, but not appended to the sequence. */
  readonly guesses?: readonly number[]
}

/** What one piece of work got in a batch. */
export interface Share<W extends Work> {
  readonly work: W
  /** Its logits are the batch's rows [firstRow, firstRow + rows). */
  readonly firstRow: number
  readonly rows: number
  /** Those of its guesses that are in the batch, behind its tokens. */
  readonly guesses: readonly number[]
}

export interface BatchLimits {
  readonly maxTokens: number
  readonly maxRows: number
}

/**
 * Packs the next tokens of many sequences into one batch: first those that want a single token (a reply in the making
 * waits for them), then prompts, as far as there is room. Takes the tokens from `pending` and appends them to the
 * sequences.
 */
export function makeBatch<W extends Work>(
  works: readonly W[],
  { maxTokens, maxRows }: BatchLimits,
): { batch: Batch; shares: Share<W>[] } {
  const ids: number[] = []
  const positions: number[] = []
  const sequences: number[] = []
  const outputRows: number[] = []
  const pageTables: Int32Array[] = []
  const shares: Share<W>[] = []

  for (const work of shortestFirst(works)) {
    const { sequence, pending, outputs } = work
    const rowsLeft = maxRows - outputRows.length
    const room = Math.min(maxTokens - ids.length, outputs === 'all' ? rowsLeft : Number.POSITIVE_INFINITY)
    const count = Math.min(pending.length, room)
    const ends = count === pending.length
    if (count === 0 || (ends && rowsLeft === 0)) continue

    const taken = Array.prototype.slice.call(pending, 0, count) as number[]
    const spare = Math.min(maxTokens - ids.length - count, rowsLeft - 1)
    const guesses = ends ? (work.guesses ?? []).slice(0, spare) : []
    const firstRow = outputRows.length
    for (const [i, id] of [...taken, ...guesses].entries()) {
      if (outputs === 'all' || (ends && i >= count - 1)) outputRows.push(ids.length)
      ids.push(id)
      positions.push(sequence.length + i)
      sequences.push(pageTables.length)
    }
    sequence.append(taken)
    work.pending = Array.prototype.slice.call(pending, count)
    pageTables.push(sequence.pageTable())
    shares.push({ work, firstRow, rows: outputRows.length - firstRow, guesses })
  }
  const batch = {
    ids: Int32Array.from(ids),
    positions: Int32Array.from(positions),
    sequences: Int32Array.from(sequences),
    pageTables,
    outputRows: Int32Array.from(outputRows),
  }
  return { batch, shares }
}

function shortestFirst<W extends Work>(works: readonly W[]): W[] {
  return [...works].sort((a, b) => Math.min(a.pending.length, 2) - Math.min(b.pending.length, 2))
}
