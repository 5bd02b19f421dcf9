import { floatToHalf, halfToFloat } from '../../weights/half.ts'
import { type CacheType, PAGE_LENGTH } from '../backend.ts'

/** The pages of one layer's keys and values. A f16 cache rounds what it keeps to half precision. */
export class KeyValueStore {
  readonly #width: number
  readonly #keys: Float32Array
  readonly #values: Float32Array
  readonly #round: (value: number) => number

  constructor(pages: number, width: number, cacheType: CacheType) {
    this.#width = width
    this.#keys = new Float32Array(pages * PAGE_LENGTH * width)
    this.#values = new Float32Array(pages * PAGE_LENGTH * width)
    this.#round = cacheType === 'f16' ? (value) => halfToFloat(floatToHalf(value)) : (value) => value
  }

  write(pageTable: Int32Array, position: number, key: Float32Array, value: Float32Array): void {
    const at = this.#offset(pageTable, position)
    this.#keys.set(key.map(this.#round), at)
    this.#values.set(value.map(this.#round), at)
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
