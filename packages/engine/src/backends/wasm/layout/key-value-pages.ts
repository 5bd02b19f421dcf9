import type { KeyValueState } from '../../../graph/operations.ts'
import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { roundUp } from './geometry.ts'

/** Columns of a panel that lie together: a product keeps the sums of so many in registers and reads on and on. */
export const STRIPE = 16

/** Types of floats, and of integers that have scales. */
export type FloatCacheType = 'f32' | 'f16'
export type IntegerCacheType = 'i16' | 'q8_0'

/** Dimensions of a key that share a scale, where it is kept as integers. */
export const KEY_BLOCK = 32

/**
 * A page of a kv state holds for each key-value head a panel of keys and one of values. The panel of keys has a row for
 * each dimension and a column for each token, that of values a row for each token and a column for each dimension: both
 * products of attention then multiply one splat with whole vectors, and need no horizontal sums. A panel is cut into
 * stripes of 16 columns, of which each lies row after row. Dimensions are padded to whole stripes.
 *
 * Integers lie in pairs of rows, the two of each column side by side, as `i32x4.dot_i16x8_s` wants them. Their scales are
 * f32. A stripe of keys has those of its 16 tokens behind each block of 32 rows, and at its end the scales of their values.
 * A page is so read from one end to the other, whatever its type, and nothing is waited for.
 */
export function paddedDimension(headDimension: number): number {
  return roundUp(headDimension, STRIPE)
}

/** Bytes of a stripe of keys of one head. */
function keyStripeBytes(headDimension: number, type: CacheType): number {
  const scales = isOfIntegers(type) ? Math.ceil(headDimension / KEY_BLOCK) + 1 : 0
  return 4 * STRIPE * scales + STRIPE * paddedDimension(headDimension) * elementBytes(type)
}

/** Bytes of the keys of one head in one page. */
export function keyPanelBytes(headDimension: number, type: CacheType): number {
  return (PAGE_LENGTH / STRIPE) * keyStripeBytes(headDimension, type)
}

/** Bytes of the values of one head in one page. */
function valuePanelBytes(headDimension: number, type: CacheType): number {
  return PAGE_LENGTH * paddedDimension(headDimension) * elementBytes(type)
}

/** Names this layout; counted up with each change of it, since pages are kept in files. */
export function pageLayout(type: CacheType): string {
  return `wasm-2-${type}`
}

export function pageBytes({ keyValueHeads, headDimension }: KeyValueState, type: CacheType): number {
  return keyValueHeads * (keyPanelBytes(headDimension, type) + valuePanelBytes(headDimension, type))
}

const ELEMENT_BYTES: Readonly<Record<CacheType, number>> = { f32: 4, f16: 2, i16: 2, q8_0: 1 }

export function elementBytes(type: CacheType): number {
  return ELEMENT_BYTES[type]
}

export function isOfIntegers(type: CacheType): type is IntegerCacheType {
  return type === 'i16' || type === 'q8_0'
}

/** Clears all of a page but its first `tokens` tokens. */
export function clearBehind(page: Uint8Array, tokens: number, state: KeyValueState, type: CacheType): void {
  const { headDimension } = state
  const head = pageBytes({ ...state, keyValueHeads: 1 }, type)
  for (let start = 0; start < page.length; start += head) {
    const values = start + keyPanelBytes(headDimension, type)
    clearKeysBehind(page.subarray(start, values), tokens, headDimension, type)
    clearValuesBehind(page.subarray(values, start + head), tokens, type)
  }
}

function clearKeysBehind(panel: Uint8Array, tokens: number, headDimension: number, type: CacheType): void {
  const stripeBytes = keyStripeBytes(headDimension, type)
  const columnBytes = keyColumnBytes(headDimension, type)
  for (let stripe = 0; stripe < PAGE_LENGTH / STRIPE; stripe++) {
    const kept = Math.min(Math.max(tokens - STRIPE * stripe, 0), STRIPE)
    let row = stripe * stripeBytes
    for (const bytes of columnBytes) {
      panel.fill(0, row + kept * bytes, row + STRIPE * bytes)
      row += STRIPE * bytes
    }
  }
}

/** Of each row, pair of rows or row of scales in a stripe of keys: the bytes of a column. */
function keyColumnBytes(headDimension: number, type: CacheType): number[] {
  const dimensions = paddedDimension(headDimension)
  const size = elementBytes(type)
  if (!isOfIntegers(type)) return new Array(dimensions).fill(size)
  const rows: number[] = []
  for (let d = 0; d < dimensions; d += 2) {
    if (d > 0 && d % KEY_BLOCK === 0) rows.push(4)
    rows.push(2 * size)
  }
  return [...rows, 4, 4]
}

function clearValuesBehind(panel: Uint8Array, tokens: number, type: CacheType): void {
  const size = elementBytes(type)
  const together = isOfIntegers(type) ? 2 : 1
  const rowBytes = together * STRIPE * size
  const kept = Math.floor(tokens / together)
  for (let stripe = 0; stripe < panel.length; stripe += PAGE_LENGTH * STRIPE * size) {
    const half = stripe + kept * rowBytes
    const behind = half + (tokens % together) * rowBytes
    // The last token may be the first of a pair.
    for (let second = half + size; second < behind; second += 2 * size) panel.fill(0, second, second + size)
    panel.fill(0, behind, stripe + PAGE_LENGTH * STRIPE * size)
  }
}
