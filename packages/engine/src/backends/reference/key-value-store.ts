import type { KeyValueState } from '../../graph/operations.ts'
import { floatToHalf, halfToFloat } from '../../weights/half.ts'
import { type CacheType, PAGE_LENGTH } from '../backend.ts'

/** The pages of one layer's keys and values. They are kept as floats that a cache of the type can hold. */
export class KeyValueStore {
  readonly #width: number
  readonly #keys: Float32Array
  readonly #values: Float32Array
  readonly #roundKey: (key: Float32Array) => Float32Array
  readonly #roundValue: (value: Float32Array) => Float32Array

  constructor(pages: number, { keyValueHeads, headDimension }: KeyValueState, cacheType: CacheType) {
    this.#width = keyValueHeads * headDimension
    this.#keys = new Float32Array(pages * PAGE_LENGTH * this.#width)
    this.#values = new Float32Array(pages * PAGE_LENGTH * this.#width)
    this.#roundKey = (key) => rounded(key, headDimension, KEY_BLOCK, cacheType)
    this.#roundValue = (value) => rounded(value, headDimension, headDimension, cacheType)
  }

  write(pageTable: Int32Array, position: number, key: Float32Array, value: Float32Array): void {
    const at = this.#offset(pageTable, position)
    this.#keys.set(this.#roundKey(key), at)
    this.#values.set(this.#roundValue(value), at)
  }

  key(pageTable: Int32Array, position: number): Float32Array {
    const at = this.#offset(pageTable, position)
    return this.#keys.subarray(at, at + this.#width)
  }

  value(pageTable: Int32Array, position: number): Float32Array {
    const at = this.#offset(pageTable, position)
    return this.#values.subarray(at, at + this.#width)
  }

  copyPage(from: number, to: number, tokens: number): void {
    const size = PAGE_LENGTH * this.#width
    for (const rows of [this.#keys, this.#values]) {
      rows.copyWithin(to * size, from * size, from * size + tokens * this.#width)
    }
  }

  /** Copies the first `tokens` tokens of a page to `target` from `at` on. @returns where the page ends there */
  readPage(page: number, tokens: number, target: Uint8Array, at: number): number {
    return this.#pageOf(page).reduce((from, rows) => {
      target.set(rows.subarray(0, 4 * tokens * this.#width), from)
      return from + rows.length
    }, at)
  }

  /** Copies a page from `source`, from `at` on. @returns where the page ends there */
  writePage(page: number, source: Uint8Array, at: number): number {
    return this.#pageOf(page).reduce((from, rows) => {
      rows.set(source.subarray(from, from + rows.length))
      return from + rows.length
    }, at)
  }

  /** The bytes of a page: its keys, and its values. */
  #pageOf(page: number): Uint8Array[] {
    const size = PAGE_LENGTH * this.#width * 4
    return [this.#keys, this.#values].map(({ buffer }) => new Uint8Array(buffer, page * size, size))
  }

  #offset(pageTable: Int32Array, position: number): number {
    const page = pageTable[Math.floor(position / PAGE_LENGTH)]
    return (page * PAGE_LENGTH + (position % PAGE_LENGTH)) * this.#width
  }
}

/** Dimensions of a key that share a scale. */
const KEY_BLOCK = 32
const LARGEST_INTEGER = { i16: 2 ** 14 - 1, q8_0: 2 ** 7 - 1 } as const

/** A row of heads, rounded to what a cache of the type holds; as integers, so many numbers of a head share a scale. */
function rounded(row: Float32Array, headDimension: number, block: number, cacheType: CacheType): Float32Array {
  if (cacheType === 'f32') return row
  if (cacheType === 'f16') return row.map((value) => halfToFloat(floatToHalf(value)))
  const result = new Float32Array(row.length)
  for (let head = 0; head < row.length; head += headDimension) {
    for (let d = 0; d < headDimension; d += block) {
      const [from, to] = [head + d, head + Math.min(d + block, headDimension)]
      const part = row.subarray(from, to)
      const scale = part.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / LARGEST_INTEGER[cacheType]
      result.set(scale === 0 ? part : part.map((x) => Math.round(x / scale) * scale), from)
    }
  }
  return result
}
