import { load, op, shuffleBytes, type V128, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import type { Local } from '../emitter/function.ts'
import {
  BLOCK_COLUMNS,
  BLOCKS_PER_HEAD,
  type BlockLayout,
  type HeadLayout,
  PAIR_OF_FACTORS,
} from '../layout/block-layout.ts'
import { ACTIVATION_PAIR_BYTES, LARGEST_HALF_SUM, PAIR_PARTS } from '../layout/geometry.ts'
import { BlockDots, HALVES, localPair, type Pair } from './block-dots.ts'
import { type EmitTile, loadSplat, type Tile } from './linear.ts'
import type { Machine } from './operands.ts'

const HALF_BLOCK = BLOCK_COLUMNS / 2
/** Of 32-bit lanes the lower 16 bits of one vector and the upper of another. */
const LOW_HALVES_OF_FIRST = Array.from({ length: 16 }, (_, byte) => (byte % 4 < 2 ? byte : 16 + byte))

/**
 * Weights whose scales are factors to a float for 256 columns meet activations whose scales are multiples of one:
 *
 *     y[n] = sum over super-blocks of dx (d[n] sum over their sub-blocks s of dot[n][s] factor[n][s] multiple[s]
 *            - dmin[n] sum of minimumFactor[n][s] sum of qx[k] multiple[s])
 *
 * All but the outermost sum is in integers. Most types' dot products fit 16 bits: those of two sub-blocks then share one
 * multiplication.
 */
export function emitSuperBlocksTile(layout: BlockLayout, head: HeadLayout, machine: Machine): EmitTile {
  return (tile) => new SuperBlocksTile(tile, layout, head, machine).emit()
}

/** The largest size of a dot product of a sub-block, see LARGEST_HALF_SUM. */
export function largestDot({ format: { values, subBlock } }: BlockLayout): number {
  return Math.max(...values.map(Math.abs)) * LARGEST_HALF_SUM * (subBlock / HALF_BLOCK)
}

class SuperBlocksTile {
  readonly #tile: Tile
  readonly #layout: BlockLayout
  readonly #head: HeadLayout
  readonly #dots: BlockDots
  /** Sums of a super-block, for each activation row. */
  readonly #products: readonly Pair<Local<'v128'>>[]
  readonly #minimums: readonly Pair<Local<'v128'>>[]
  /** Dot products of the first in a pair, in the upper halves of 32 bits. */
  readonly #first: readonly Pair<Local<'v128'>>[]
  readonly #factors: Pair<Local<'v128'>>
  /** Where the next factors are: at the start of the head, and then one pair after the other. */
  readonly #pointer: Local<'i32'>

  constructor(tile: Tile, layout: BlockLayout, head: HeadLayout, machine: Machine) {
    const { f, activations } = tile
    const pair = (label: string): Pair<Local<'v128'>> => localPair(f, label)
    this.#tile = tile
    this.#layout = layout
    this.#head = head
    this.#dots = new BlockDots(tile, layout, machine)
    this.#products = activations.map((_, row) => pair(`product${row}`))
    this.#minimums = layout.format.minimum ? activations.map((_, row) => pair(`minimum${row}`)) : []
    this.#first = this.#sharesMultiplication ? activations.map((_, row) => pair(`first${row}`)) : []
    this.#factors = pair('factors')
    this.#pointer = f.local('head', 'i32')
  }

  emit(): void {
    const { f, steps } = this.#tile
    this.#dots.begin(ACTIVATION_PAIR_BYTES / 2)
    this.#startHead()
    f.doWhile(
      () => {
        this.#twoBlocks()
        f.increase(steps, -2)
        f.if(op('i32.eqz', op('i32.and', steps, BLOCKS_PER_HEAD - 1)), () => {
          this.#addSuperBlock()
          this.#startHead()
        })
        this.#dots.endActivations(ACTIVATION_PAIR_BYTES, 2)
      },
      op('i32.ne', steps, 0),
    )
  }

  #startHead(): void {
    const { f, weights } = this.#tile
    f.set(this.#pointer, weights)
    f.increase(weights, this.#head.bytes)
  }

  /** A pair of sub-blocks is two blocks, or the halves of one. */
  #twoBlocks(): void {
    const { f } = this.#tile
    const whole = this.#layout.format.subBlock === BLOCK_COLUMNS
    for (let pair = 0; pair < (whole ? 1 : 2); pair++) {
      for (const member of HALVES) {
        this.#startDots(2 * pair + member)
        this.#dots.addProducts(whole ? 0 : member, whole ? member : pair)
        if (whole || member === 1) this.#dots.endBlock()
        if (!this.#sharesMultiplication) this.#addProduct(pair, member)
        else if (member === 0) this.#keepDots()
      }
      if (this.#sharesMultiplication) this.#addProducts(pair)
      if (this.#layout.format.minimum) this.#addMinimums(pair)
      f.increase(this.#pointer, PAIR_OF_FACTORS)
    }
  }

  get #sharesMultiplication(): boolean {
    return largestDot(this.#layout) < 2 ** 15
  }

  #startDots(subBlock: number): void {
    const { f, activations } = this.#tile
    const { dots, splat } = this.#dots
    activations.forEach((address, row) => {
      const start = this.#startOf(address, subBlock)
      if (start) f.set(splat, start)
      for (const dot of dots[row]) f.set(dot, start ? splat : zeroVector())
    })
  }

  /** Keeps the dot products of the first in a pair for the second. */
  #keepDots(): void {
    const { f } = this.#tile
    this.#first.forEach((pair, row) => {
      for (const half of HALVES) f.set(pair[half], op('i32x4.shl', this.#dots.dots[row][half], 16))
    })
  }

  /** What the offset of the values takes off. */
  #startOf(address: Local<'i32'>, subBlock: number): V128 | undefined {
    const { offset } = this.#dots
    if (offset === 0) return undefined
    const sumOf = (half: number): V128 => loadSplat(address, PAIR_PARTS.negativeSums + 4 * half)
    const whole = this.#layout.format.subBlock === BLOCK_COLUMNS
    const sum = whole ? op('i32x4.add', sumOf(2 * subBlock), sumOf(2 * subBlock + 1)) : sumOf(subBlock)
    const shift = Math.log2(offset)
    return shift === 0 ? sum : op('i32x4.shl', sum, shift)
  }

  /** Adds two dot products, each times its factor and multiple. */
  #addProducts(pair: number): void {
    const { f, activations } = this.#tile
    const { dots, splat } = this.#dots
    this.#loadFactors(0)
    activations.forEach((address, row) => {
      f.set(splat, this.#multiples(address, pair))
      for (const half of HALVES) {
        const sum = this.#products[row][half]
        const both = shuffleBytes(dots[row][half], this.#first[row][half], LOW_HALVES_OF_FIRST)
        const factors = op('i16x8.mul', this.#factors[half], splat)
        f.set(sum, op('i32x4.add', sum, op('i32x4.dot_i16x8_s', both, factors)))
      }
    })
  }

  /** The same of one dot product that may need 32 bits. */
  #addProduct(pair: number, member: 0 | 1): void {
    const { f, activations } = this.#tile
    const { dots, splat } = this.#dots
    this.#loadFactors(0)
    activations.forEach((address, row) => {
      f.set(splat, op('v128.and', this.#multiples(address, pair), vectorOfBits(member === 0 ? 0xffff_0000 : 0xffff)))
      for (const half of HALVES) {
        const sum = this.#products[row][half]
        const factor = op('i32x4.dot_i16x8_s', this.#factors[half], splat)
        f.set(sum, op('i32x4.add', sum, op('i32x4.mul', dots[row][half], factor)))
      }
    })
  }

  #addMinimums(pair: number): void {
    const { f, activations } = this.#tile
    const { splat } = this.#dots
    const whole = this.#layout.format.subBlock === BLOCK_COLUMNS
    const sums = whole ? PAIR_PARTS.sums : PAIR_PARTS.halfSums + 4 * pair
    this.#loadFactors(this.#head.minimumFactors)
    activations.forEach((address, row) => {
      f.set(splat, loadSplat(address, sums))
      for (const half of HALVES) {
        const sum = this.#minimums[row][half]
        f.set(sum, op('i32x4.add', sum, op('i32x4.dot_i16x8_s', this.#factors[half], splat)))
      }
    })
  }

  #loadFactors(offset: number): void {
    for (const half of HALVES) {
      this.#tile.f.set(this.#factors[half], load('v128.load8x8_s', this.#pointer, offset + 8 * half))
    }
  }

  #multiples(address: Local<'i32'>, pair: number): V128 {
    const offset = PAIR_PARTS.multiples
    const whole = this.#layout.format.subBlock === BLOCK_COLUMNS
    return whole ? loadSplat(address, offset) : load('v128.load16_splat', address, offset + 2 * (1 - pair))
  }

  #addSuperBlock(): void {
    const { f, activations, sums } = this.#tile
    const { splat } = this.#dots
    const { minimumFactors: passedHead, d, dmin } = this.#head
    const times = (total: Local<'v128'>, offset: number, half: number): V128 => {
      const floats = load('v128.load', this.#pointer, offset - passedHead + 16 * half)
      return op('f32x4.mul', op('f32x4.convert_i32x4_s', total), floats)
    }
    activations.forEach((address, row) => {
      f.set(splat, loadSplat(address, PAIR_PARTS.scale))
      for (const half of HALVES) {
        const product = times(this.#products[row][half], d, half)
        const minimums = this.#minimums[row]?.[half]
        const least = minimums ? op('f32x4.sub', product, times(minimums, dmin, half)) : product
        const sum = sums[row][half]
        f.set(sum, op('f32x4.add', sum, op('f32x4.mul', least, splat)))
        f.set(this.#products[row][half], zeroVector())
        if (minimums) f.set(minimums, zeroVector())
      }
    })
  }
}
