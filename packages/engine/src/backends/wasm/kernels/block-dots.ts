import { load, op, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import type { Local } from '../emitter/function.ts'
import { type BlockLayout, CHUNK_BYTES, type Plane, QUAD } from '../layout/block-layout.ts'
import { Codes, isEven } from './codes.ts'
import { loadSplat, type Tile } from './linear.ts'
import type { Operands } from './operands.ts'

/** The first and last 4 rows of a group. */
export const HALVES = [0, 1] as const
export type Pair<T> = readonly [T, T]

/** The operands of a type: those of seven bits are not for all. */
export function operandsOf({ format: { bits, values } }: BlockLayout, best: Operands): Operands {
  return best === 'seven-bits' && (bits > 6 || !isEven(values)) ? 'lanes' : best
}

/**
 * Emits the dot products of a group's weights with the rounded activations of a tile's rows, one sub-block at a time, in
 * integers, and so the same with all operands. Where values are codes less an offset, it is on the user to start with what
 * that takes off.
 *
 * A chunk is unpacked to bytes of 4 rows times a quad. These meet a quad of activations as they are, or, as 16-bit lanes
 * of their low and of their high halves, pairs of activations.
 */
export class BlockDots {
  /** What the products are added to, for each activation row. */
  readonly dots: readonly Pair<Local<'v128'>>[]
  /** Four times the same number. */
  readonly splat: Local<'v128'>
  readonly #tile: Tile
  readonly #layout: BlockLayout
  readonly #operands: Operands
  readonly #codes: Codes
  readonly #base: Plane
  readonly #extra: Plane | undefined
  /** In 16 bits, of seven-bit operands. */
  readonly #partial: readonly Pair<Local<'v128'>>[]
  readonly #bytes: Pair<Local<'v128'>>
  readonly #extraBytes: Pair<Local<'v128'>> | undefined
  readonly #quads: Pair<Local<'v128'>>
  readonly #pairs: Pair<Local<'v128'>>
  readonly #end: Local<'i32'>
  /** Where each activation row has its quants: as bytes in its blocks, or as i16 behind them. */
  readonly #quants: readonly Local<'i32'>[]
  #passed = 0
  #passedActivations = 0

  constructor(tile: Tile, layout: BlockLayout, best: Operands) {
    const { f, activations } = tile
    const pair = (label: string): Pair<Local<'v128'>> => [
      f.local(`${label}Low`, 'v128'),
      f.local(`${label}High`, 'v128'),
    ]
    this.#tile = tile
    this.#layout = layout
    this.#operands = operandsOf(layout, best)
    this.#codes = new Codes(f, layout, this.#operands === 'bytes')
    ;[this.#base, this.#extra] = layout.planes
    this.dots = activations.map((_, row) => pair(`dot${row}`))
    this.#partial = this.#operands === 'seven-bits' ? activations.map((_, row) => pair(`partial${row}`)) : []
    this.#bytes = pair('bytes')
    this.#extraBytes = this.#extra && pair('extra')
    this.#quads = pair('quads')
    this.#pairs = pair('pairs')
    this.splat = f.local('splat', 'v128')
    this.#end = f.local('end', 'i32')
    this.#quants = this.#operands === 'lanes' ? activations.map((_, row) => f.local(`lanes${row}`, 'i32')) : activations
  }

  /** What is to be taken off every value. */
  get offset(): number {
    return this.#codes.offset
  }

  /** Bytes of the block that the pointer to the weights has passed at this place of the code. */
  get passed(): number {
    return this.#passed
  }

  /** The same of the activations: their pointers move where the quants in them are read. */
  get passedActivations(): number {
    return this.#passedActivations
  }

  /** @param bytes of the activations of a block, without what lies behind all */
  begin(bytes: number): void {
    if (this.#operands !== 'lanes') return
    const { f, steps, activations } = this.#tile
    this.#quants.forEach((lanes, row) => {
      f.set(lanes, op('i32.add', activations[row], op('i32.mul', steps, bytes)))
    })
  }

  /** Adds the products of sub-block s of the present block. */
  addProducts(s: number): void {
    const { subBlock } = this.#layout.format
    this.#loadExtra(s)
    const chunks = subBlock / (QUAD * this.#base.quads)
    if (this.#operands !== 'seven-bits') {
      this.#chunks(chunks)
      return
    }
    const atOnce = Math.min(chunks, this.#mostChunksInPartial())
    for (let done = 0; done < chunks; done += atOnce) {
      for (const partial of this.#partial.flat()) this.#tile.f.set(partial, zeroVector())
      this.#chunks(atOnce)
      this.#widenPartial()
    }
  }

  endBlock(): void {
    this.#tile.f.increase(this.#tile.weights, this.#layout.blockBytes - this.#passed)
    this.#passed = 0
  }

  /** @param bytes from where the pointers were to where they shall be */
  endActivations(bytes: number): void {
    const { f, activations } = this.#tile
    for (const address of activations) f.increase(address, bytes - this.#passedActivations)
    this.#passedActivations = 0
  }

  /** Of seven-bit operands: how many chunks' products fit 16 bits. */
  #mostChunksInPartial(): number {
    const largest = 2 ** this.#layout.format.bits - 1
    return Math.floor(32_767 / (2 * 127 * largest) / this.#base.quads)
  }

  #widenPartial(): void {
    const { f } = this.#tile
    this.#partial.forEach((pair, row) => {
      for (const half of HALVES) {
        const dot = this.dots[row][half]
        f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', pair[half], vectorOfBits(0x0001_0001))))
      }
    })
  }

  #chunks(count: number): void {
    const { f, weights } = this.#tile
    if (count === 1) {
      this.#chunk()
    } else {
      f.set(this.#end, op('i32.add', weights, count * CHUNK_BYTES))
      f.doWhile(() => this.#chunk(), op('i32.ne', weights, this.#end))
    }
    this.#passed += count * CHUNK_BYTES
    if (this.#operands !== 'lanes') this.#passedActivations += count * this.#quantBytes
  }

  /** Bytes of the quants that meet a chunk. */
  get #quantBytes(): number {
    return QUAD * this.#base.quads * (this.#operands === 'lanes' ? 2 : 1)
  }

  /** The second plane's chunk that holds the rest of the codes of a sub-block, where it begins with one. */
  #loadExtra(s: number): void {
    if (!this.#extra || !this.#extraBytes) return
    const { f, weights } = this.#tile
    const first = (s * this.#layout.format.subBlock) / (QUAD * this.#extra.quads)
    if (!Number.isInteger(first)) return
    for (const half of HALVES) {
      const offset = this.#extra.offset + first * CHUNK_BYTES + 16 * half - this.#passed
      f.set(this.#extraBytes[half], load('v128.load', weights, offset))
    }
  }

  #chunk(): void {
    const { f, weights } = this.#tile
    for (const half of HALVES) f.set(this.#bytes[half], load('v128.load', weights, 16 * half))
    for (let quad = 0; quad < this.#base.quads; quad++) {
      if (this.#operands === 'lanes') this.#productsOfLanes(quad)
      else this.#productsOfBytes(quad)
    }
    if (this.#extra && this.#extraBytes) {
      for (const extra of this.#extraBytes) {
        f.set(extra, op('i16x8.shr_u', extra, this.#extra.bits * this.#base.quads))
      }
    }
    for (const address of this.#quants) f.increase(address, this.#quantBytes)
    f.increase(weights, CHUNK_BYTES)
  }

  #unpackQuads(quad: number): void {
    for (const half of HALVES) {
      this.#tile.f.set(this.#quads[half], this.#codes.quads(this.#bytes[half], this.#extraBytes?.[half], quad))
    }
  }

  #productsOfBytes(quad: number): void {
    const { f } = this.#tile
    this.#unpackQuads(quad)
    this.#quants.forEach((address, row) => {
      f.set(this.splat, loadSplat(address, QUAD * quad))
      for (const half of HALVES) {
        const quads = this.#quads[half]
        if (this.#operands === 'bytes') {
          const dot = this.dots[row][half]
          f.set(dot, op('i32x4.relaxed_dot_i8x16_i7x16_add_s', this.splat, quads, dot))
        } else {
          const partial = this.#partial[row][half]
          f.set(partial, op('i16x8.add', partial, op('i16x8.relaxed_dot_i8x16_i7x16_s', this.splat, quads)))
        }
      }
    })
  }

  #productsOfLanes(quad: number): void {
    const { f } = this.#tile
    if (!this.#codes.isPlain) this.#unpackQuads(quad)
    const source = this.#codes.isPlain ? this.#bytes : this.#quads
    for (const other of [false, true]) {
      for (const half of HALVES) f.set(this.#pairs[half], this.#codes.pairs(source[half], quad, other))
      this.#quants.forEach((address, row) => {
        f.set(this.splat, loadSplat(address, 2 * QUAD * quad + (other ? QUAD : 0)))
        for (const half of HALVES) {
          const dot = this.dots[row][half]
          f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', this.#pairs[half], this.splat)))
        }
      })
    }
  }
}
