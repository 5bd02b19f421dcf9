import type { Bank, KernelName } from './bank.ts'
import { roundUp } from './layout/geometry.ts'
import { type MemoryViews, viewsOf } from './layout/pack.ts'

/** A small bank in which arrays are laid out one after another to try a kernel on them. */
export class TestBench {
  readonly views: MemoryViews
  readonly #bank: Bank
  #end = 64

  constructor(bank: Bank) {
    this.#bank = bank
    this.views = viewsOf(bank.memory.buffer)
  }

  /** The address of so many bytes, zeros at first. */
  reserve(bytes: number): number {
    const address = this.#end
    this.#end = roundUp(address + bytes, 64)
    return address
  }

  floats(values: ArrayLike<number>): number {
    const address = this.reserve(4 * values.length)
    this.read(address, values.length).set(values)
    return address
  }

  integers(values: ArrayLike<number>): number {
    const address = this.reserve(4 * values.length)
    this.views.words.set(values, address / 4)
    return address
  }

  run(kernel: KernelName, ...parameters: number[]): void {
    this.#bank.kernel(kernel)(...parameters)
  }

  /** The floats at an address: a view. */
  read(address: number, length: number): Float32Array {
    return new Float32Array(this.views.bytes.buffer, address, length)
  }
}
