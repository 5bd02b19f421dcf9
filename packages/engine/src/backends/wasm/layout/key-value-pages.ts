import type { KeyValueState } from '../../../graph/operations.ts'
import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { roundUp } from './geometry.ts'

/**
 * A page of a kv state holds for each key-value head a panel of keys and one of values. Keys lie transposed
 * [dimension][token], values as they come [token][dimension]: both products of attention then multiply one splat with
 * whole vectors, and need no horizontal sums. Dimensions are padded to whole vectors.
 */
export function paddedDimension(headDimension: number): number {
  return roundUp(headDimension, 4)
}

/** Bytes of the keys, or of the values, of one head in one page. */
export function panelBytes(headDimension: number, type: CacheType): number {
  return PAGE_LENGTH * paddedDimension(headDimension) * (type === 'f16' ? 2 : 4)
}

/** Names this layout; counted up with each change of it, since pages are kept in files. */
export function pageLayout(type: CacheType): string {
  return `wasm-1-${type}`
}

export function pageBytes(state: KeyValueState, type: CacheType): number {
  return 2 * state.keyValueHeads * panelBytes(state.headDimension, type)
}

/** Clears all of a page but its first `tokens` tokens. */
export function clearBehind(page: Uint8Array, tokens: number, state: KeyValueState, type: CacheType): void {
  const panel = panelBytes(state.headDimension, type)
  const dimensions = paddedDimension(state.headDimension)
  const elementBytes = panel / (PAGE_LENGTH * dimensions)
  for (let keys = 0; keys < page.length; keys += 2 * panel) {
    for (let row = 1; row <= dimensions; row++) {
      const end = keys + row * PAGE_LENGTH * elementBytes
      page.fill(0, end - (PAGE_LENGTH - tokens) * elementBytes, end)
    }
    const values = keys + panel
    page.fill(0, values + tokens * dimensions * elementBytes, values + panel)
  }
}
