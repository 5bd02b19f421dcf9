import type { KeyValueState } from '../../../graph/operations.ts'
import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { roundUp } from './geometry.ts'

/** Columns of a panel that lie together: a product keeps the sums of so many in registers and reads on and on. */
export const STRIPE = 16

/**
 * A page of a kv state holds for each key-value head a panel of keys and one of values. The panel of keys has a row for
 * each dimension and a column for each token, that of values a row for each token and a column for each dimension: both
 * products of attention then multiply one splat with whole vectors, and need no horizontal sums. A panel is cut into
 * stripes of 16 columns, of which each lies row after row. Dimensions are padded to whole stripes.
 */
export function paddedDimension(headDimension: number): number {
  return roundUp(headDimension, STRIPE)
}

/** Bytes of the keys, or of the values, of one head in one page. */
export function panelBytes(headDimension: number, type: CacheType): number {
  return PAGE_LENGTH * paddedDimension(headDimension) * elementBytes(type)
}

/** Names this layout; counted up with each change of it, since pages are kept in files. */
export function pageLayout(type: CacheType): string {
  return `wasm-2-${type}`
}

export function pageBytes(state: KeyValueState, type: CacheType): number {
  return 2 * state.keyValueHeads * panelBytes(state.headDimension, type)
}

export function elementBytes(type: CacheType): number {
  return type === 'f16' ? 2 : 4
}

/** Clears all of a page but its first `tokens` tokens. */
export function clearBehind(page: Uint8Array, tokens: number, state: KeyValueState, type: CacheType): void {
  const panel = panelBytes(state.headDimension, type)
  const dimensions = paddedDimension(state.headDimension)
  const rowBytes = STRIPE * elementBytes(type)
  for (let keys = 0; keys < page.length; keys += 2 * panel) {
    for (let row = 0; row < (PAGE_LENGTH / STRIPE) * dimensions; row++) {
      const kept = Math.min(Math.max(tokens - STRIPE * Math.floor(row / dimensions), 0), STRIPE)
      page.fill(0, keys + row * rowBytes + kept * elementBytes(type), keys + (row + 1) * rowBytes)
    }
    const values = keys + panel
    for (let stripe = 0; stripe < panel; stripe += PAGE_LENGTH * rowBytes) {
      page.fill(0, values + stripe + tokens * rowBytes, values + stripe + PAGE_LENGTH * rowBytes)
    }
  }
}
