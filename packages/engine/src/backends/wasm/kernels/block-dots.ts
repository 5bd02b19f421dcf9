import { load, op, vectorOfBits } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { type BlockLayout, CHUNK_BYTES, type Field, QUAD } from '../layout/block-layout.ts'
import { ACTIVATION_BLOCK, LANES_BYTES } from '../layout/geometry.ts'
import { Codes, isEven } from './codes.ts'
import { loadSplat, type Tile } from './linear.ts'
import type { Machine, Operands } from './operands.ts'

/** The first and last 4 rows of a group. */
export const HALVES = [0, 1] as const
export type Pair<T> = readonly [T, T]

/** A vector for each half. */
export function localPair(f: FunctionBuilder, label: string): Pair<Local<'v128'>> {
  return [f.local(`${label}Low`, 'v128'), f.local(`${label}High`, 'v128')]
}

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
  readonly #fenced: boolean
  readonly #codes: Codes
  /** In 16 bits, of seven-bit operands. */
  readonly #partial: readonly Pair<Local<'v128'>>[]
  readonly #bytes: Pair<Local<'v128'>>
  readonly #quad: Pair<Local<'v128'>>
  readonly #pairs: Pair<Local<'v128'>>
  /** Codes that are put together from several chunks, by their quad. */
  readonly #gathered = new Map<number, Pair<Local<'v128'>>>()
  /** Of 16-bit operands: where each activation row has its quants once more. */
  readonly #lanes: readonly Local<'i32'>[]

  constructor(tile: Tile, layout: BlockLayout, { operands, fenced }: Machine) {
    const { f, activations } = tile
    this.#tile = tile
    this.#layout = layout
    this.#operands = operandsOf(layout, operands)
    this.#fenced = fenced
    this.#codes = new Codes(f, layout, this.#operands)
    this.dots = activations.map((_, row) => localPair(f, `dot${row}`))
    this.#partial = this.#operands === 'seven-bits' ? activations.map((_, row) => localPair(f, `partial${row}`)) : []
    this.#bytes = localPair(f, 'bytes')
    this.#quad = localPair(f, 'quad')
    this.#pairs = localPair(f, 'pairs')
    this.splat = f.local('splat', 'v128')
    this.#lanes = this.#operands === 'lanes' ? activations.map((_, row) => f.local(`lanes${row}`, 'i32')) : []
  }

  /** What is to be taken off every value. */
  get offset(): number {
    return this.#codes.offset
  }

  /** @param bytes of the activations of a block, without what lies behind all */
  begin(bytes: number): void {
    const { f, steps, activations } = this.#tile
    this.#lanes.forEach((lanes, row) => {
      f.set(lanes, op('i32.add', activations[row], op('i32.mul', steps, bytes)))
    })
  }

  /** Adds the products of a sub-block of the present block; `block` is its number in the present block of activations. */
  addProducts(subBlock: number, block: number): void {
    const { quads, format } = this.#layout
    const count = format.subBlock / QUAD
    const atOnce = this.#operands === 'seven-bits' ? this.#mostQuadsInPartial() : count
    let done = 0
    this.#forQuads(subBlock * count, count, (quad) => {
      if (this.#operands === 'lanes') this.#productsOfLanes(quad, quads[quad][0], block)
      else this.#productsOfBytes(quad, block, done % atOnce === 0)
      done++
      if (this.#operands === 'seven-bits' && (done % atOnce === 0 || done === count)) this.#widenPartial()
    })
  }

  /** To the next block of weights. */
  endBlock(): void {
    this.#tile.f.increase(this.#tile.weights, this.#layout.blockBytes)
  }

  /** To the next block of activations, of so many bytes. */
  endActivations(bytes: number, blocks: number): void {
    const { f, activations } = this.#tile
    for (const address of activations) f.increase(address, bytes)
    for (const address of this.#lanes) f.increase(address, blocks * LANES_BYTES)
  }

  /**
   * Emits the unpacking of quads, and `use` of each when it is in `#quad`, or in `#bytes` where it is plain for lanes. Chunks
   * are read in their order, once for all that they hold.
   */
  #forQuads(first: number, count: number, use: (quad: number) => void): void {
    const { f, weights } = this.#tile
    const quads = this.#layout.quads.map((fields, quad) => ({ fields, quad })).slice(first, first + count)
    for (let chunk = 0; chunk < this.#layout.format.bits; chunk++) {
      const here = quads.filter(({ fields }) => fields.some((field) => field.chunk === chunk))
      if (here.length === 0) continue
      this.#fence(() => {
        for (const half of HALVES) f.set(this.#bytes[half], load('v128.load', weights, chunk * CHUNK_BYTES + 16 * half))
        for (const { fields, quad } of here) {
          for (const field of fields) if (field.chunk === chunk) this.#unpack(quad, fields, field)
          if (fields.at(-1)?.chunk === chunk) use(quad)
        }
      })
    }
  }

  /** In a block of its own, see `needsFences`: there are always steps left. */
  #fence(emit: () => void): void {
    if (this.#fenced) this.#tile.f.if(this.#tile.steps, emit)
    else emit()
  }

  #unpack(quad: number, fields: readonly Field[], field: Field): void {
    const { f } = this.#tile
    const codes = this.#codes
    const isLast = field === fields.at(-1)
    if (this.#operands === 'lanes' && codes.isPlain(quad)) return
    for (const half of HALVES) {
      const part = codes.part(this.#bytes[half], field)
      const gathered = fields.length === 1 ? this.#quad[half] : this.#gatheredOf(quad)[half]
      const all = field === fields[0] ? part : op('v128.or', gathered, part)
      f.set(isLast ? this.#quad[half] : gathered, isLast ? codes.values(all) : all)
    }
  }

  #gatheredOf(quad: number): Pair<Local<'v128'>> {
    const known = this.#gathered.get(quad) ?? localPair(this.#tile.f, `gathered${quad}`)
    this.#gathered.set(quad, known)
    return known
  }

  /** Of seven-bit operands: how many quads' products fit 16 bits. */
  #mostQuadsInPartial(): number {
    return Math.floor(32_767 / (2 * 127 * (2 ** this.#layout.format.bits - 1)))
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

  #productsOfBytes(quad: number, block: number, isFirst: boolean): void {
    const { f, activations } = this.#tile
    activations.forEach((address, row) => {
      f.set(this.splat, loadSplat(address, ACTIVATION_BLOCK * block + QUAD * quad))
      for (const half of HALVES) {
        if (this.#operands === 'bytes') {
          const dot = this.dots[row][half]
          f.set(dot, op('i32x4.relaxed_dot_i8x16_i7x16_add_s', this.splat, this.#quad[half], dot))
        } else {
          const partial = this.#partial[row][half]
          const products = op('i16x8.relaxed_dot_i8x16_i7x16_s', this.splat, this.#quad[half])
          f.set(partial, isFirst ? products : op('i16x8.add', partial, products))
        }
      }
    })
  }

  /** @param field of a plain quad, whose only one it is */
  #productsOfLanes(quad: number, field: Field, block: number): void {
    const { f } = this.#tile
    const codes = this.#codes
    for (const other of [false, true]) {
      for (const half of HALVES) {
        const pairs = codes.isPlain(quad)
          ? codes.pairsInChunk(this.#bytes[half], field, other)
          : codes.pairs(this.#quad[half], other)
        f.set(this.#pairs[half], pairs)
      }
      this.#lanes.forEach((address, row) => {
        f.set(this.splat, loadSplat(address, LANES_BYTES * block + 2 * QUAD * quad + (other ? QUAD : 0)))
        for (const half of HALVES) {
          const dot = this.dots[row][half]
          f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', this.#pairs[half], this.splat)))
        }
      })
    }
  }
}
