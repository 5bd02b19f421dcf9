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

export function pageBytes(state: KeyValueState, type: CacheType): number {
  return 2 * state.keyValueHeads * panelBytes(state.headDimension, type)
}
