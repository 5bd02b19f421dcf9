import type { ByteSource } from '../bytes/byte-source.ts'
import { checkRange } from '../bytes/range.ts'
import type { Tensor } from './tensor.ts'

/**
 * Shows a tensor with the rows of every group of `order.length` in another order: row i of a group is its stored row
 * order[i]. A tensor of one dimension has rows of one element.
 */
export function reorderedRows(tensor: Tensor, order: readonly number[]): Tensor {
  return { ...tensor, source: new ReorderedSource(tensor, order), offset: 0 }
}

/** Reads a group at a time, for reads of a row each would take longer than all the rest. */
class ReorderedSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #tensor: Tensor
  readonly #order: readonly number[]
  readonly #rowBytes: number
  readonly #group: Uint8Array
  /** Which group is in `#group`. */
  #held = -1

  constructor(tensor: Tensor, order: readonly number[]) {
    this.name = tensor.source.name
    this.size = tensor.byteLength
    this.#tensor = tensor
    this.#order = order
    this.#rowBytes = tensor.byteLength / tensor.shape[0]
    this.#group = new Uint8Array(order.length * this.#rowBytes)
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    for (let done = 0; done < target.length; ) {
      const row = Math.floor((offset + done) / this.#rowBytes)
      const at = (offset + done) % this.#rowBytes
      const count = Math.min(target.length - done, this.#rowBytes - at)
      const group = await this.#read(Math.floor(row / this.#order.length), signal)
      const start = this.#order[row % this.#order.length] * this.#rowBytes + at
      target.set(group.subarray(start, start + count), done)
      done += count
    }
  }

  async close(): Promise<void> {}

  async #read(index: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (index === this.#held) return this.#group
    this.#held = -1
    await this.#tensor.source.read(this.#tensor.offset + index * this.#group.length, this.#group, signal)
    this.#held = index
    return this.#group
  }
}
