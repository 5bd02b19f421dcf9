import { load, op, type V128, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import type { Local } from '../emitter/function.ts'
import {
  BLOCK_COLUMNS,
  BLOCKS_PER_HEAD,
  type BlockLayout,
  CHUNK_BYTES,
  MINIMUMS_IN_HEAD,
  type Plane,
  QUAD,
} from '../layout/block-layout.ts'
import { ACTIVATION_BLOCK_BYTES, ACTIVATION_PARTS } from '../layout/geometry.ts'
import { Codes } from './codes.ts'
import { type EmitTile, loadSplat, type Tile } from './linear.ts'
import { loadScales } from './scales.ts'

/** The first and last 4 rows of a group. */
const HALVES = [0, 1] as const
type Pair<T> = readonly [T, T]

/**
 * y[n] = sum over sub-blocks s of scale[n][s] dx sum over its columns of value(code[n][k]) qx[k], less
 * minimum[n][s] dx sum of qx[k]. Inside a sub-block all is in integers: where values are codes less an offset, that is
 * taken off at the end as the offset times the sum of qx.
 *
 * A chunk is unpacked to bytes of 4 rows times a quad; their low and their high halves are 16-bit pairs of neighbouring
 * columns, which meet a pair of activations in one dot instruction.
 */
export function emitBlocksTile(layout: BlockLayout): EmitTile {
  return (tile) => new BlocksTile(tile, layout).emit()
}

class BlocksTile {
  readonly #tile: Tile
  readonly #layout: BlockLayout
  readonly #codes: Codes
  readonly #base: Plane
  readonly #extra: Plane | undefined
  readonly #dots: readonly Pair<Local<'v128'>>[]
  readonly #bytes: Pair<Local<'v128'>>
  readonly #extraBytes: Pair<Local<'v128'>> | undefined
  readonly #quads: Pair<Local<'v128'>>
  readonly #pairs: Pair<Local<'v128'>>
  readonly #splat: Local<'v128'>
  readonly #end: Local<'i32'>
  readonly #head: Local<'i32'>
  /** Bytes of the block and of its activations that the pointers have passed, at this place of the code. */
  #passed = 0
  #passedActivations = 0

  constructor(tile: Tile, layout: BlockLayout) {
    const { f, activations } = tile
    const pair = (label: string): Pair<Local<'v128'>> => [
      f.local(`${label}Low`, 'v128'),
      f.local(`${label}High`, 'v128'),
    ]
    this.#tile = tile
    this.#layout = layout
    this.#codes = new Codes(f, layout)
    ;[this.#base, this.#extra] = layout.planes
    this.#dots = activations.map((_, row) => pair(`dot${row}`))
    this.#bytes = pair('bytes')
    this.#extraBytes = this.#extra && pair('extra')
    this.#quads = pair('quads')
    this.#pairs = pair('pairs')
    this.#splat = f.local('splat', 'v128')
    this.#end = f.local('end', 'i32')
    this.#head = f.local('head', 'i32')
  }

  emit(): void {
    const { f, steps } = this.#tile
    if (this.#layout.headBytes > 0) this.#startHead()
    f.doWhile(
      () => {
        this.#block()
        f.increase(steps, -1)
        if (this.#layout.headBytes > 0) {
          f.if(op('i32.eqz', op('i32.and', steps, BLOCKS_PER_HEAD - 1)), () => this.#startHead())
        }
      },
      op('i32.ne', steps, 0),
    )
  }

  #startHead(): void {
    const { f, weights } = this.#tile
    f.set(this.#head, weights)
    f.increase(weights, this.#layout.headBytes)
  }

  #block(): void {
    const { f, weights, activations } = this.#tile
    const { format, blockBytes } = this.#layout
    this.#passed = 0
    this.#passedActivations = 0
    for (let s = 0; s < BLOCK_COLUMNS / format.subBlock; s++) {
      for (const dot of this.#dots.flat()) f.set(dot, zeroVector())
      this.#products(s)
      this.#addScaled(s)
    }
    f.increase(weights, blockBytes - this.#passed)
    for (const address of activations) f.increase(address, ACTIVATION_BLOCK_BYTES - this.#passedActivations)
  }

  /** The dot products of a sub-block. */
  #products(s: number): void {
    const { f, weights } = this.#tile
    const { subBlock } = this.#layout.format
    this.#loadExtra(s)
    const chunks = subBlock / (QUAD * this.#base.quads)
    if (chunks === 1) {
      this.#chunk()
    } else {
      f.set(this.#end, op('i32.add', weights, chunks * CHUNK_BYTES))
      f.doWhile(() => this.#chunk(), op('i32.ne', weights, this.#end))
    }
    this.#passed += chunks * CHUNK_BYTES
    this.#passedActivations += 2 * subBlock
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
    const { f, weights, activations } = this.#tile
    for (const half of HALVES) f.set(this.#bytes[half], load('v128.load', weights, 16 * half))
    for (let quad = 0; quad < this.#base.quads; quad++) {
      if (!this.#codes.isPlain) {
        for (const half of HALVES) {
          f.set(this.#quads[half], this.#codes.quads(this.#bytes[half], this.#extraBytes?.[half], quad))
        }
      }
      const source = this.#codes.isPlain ? this.#bytes : this.#quads
      for (const other of [false, true]) {
        for (const half of HALVES) f.set(this.#pairs[half], this.#codes.pairs(source[half], quad, other))
        this.#pairProducts(2 * QUAD * quad + (other ? 4 : 0))
      }
    }
    if (this.#extra && this.#extraBytes) {
      for (const extra of this.#extraBytes) {
        f.set(extra, op('i16x8.shr_u', extra, this.#extra.bits * this.#base.quads))
      }
    }
    for (const address of activations) f.increase(address, 2 * QUAD * this.#base.quads)
    f.increase(weights, CHUNK_BYTES)
  }

  #pairProducts(activation: number): void {
    const { f, activations } = this.#tile
    activations.forEach((address, row) => {
      f.set(this.#splat, loadSplat(address, activation))
      for (const half of HALVES) {
        const dot = this.#dots[row][half]
        f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', this.#pairs[half], this.#splat)))
      }
    })
  }

  /** Adds the dot products times their scales to the sums, and takes off the minimums. */
  #addScaled(s: number): void {
    const { f, weights, activations, sums } = this.#tile
    const layout = this.#layout
    const { minimum, scale } = layout.format
    const offset = this.#codes.offset
    const head = { address: this.#head, offset: 0 }
    const at = (place: number) => ({ address: weights, offset: place + s * layout.scaleBytes - this.#passed })
    const scales = loadScales(f, layout.format, 'scales', at(layout.scales), head)
    const minimums = minimum
      ? loadScales(f, layout.format, 'minimums', at(layout.minimums), { ...head, offset: MINIMUMS_IN_HEAD })
      : undefined
    const activationScale = scale === 'half' ? ACTIVATION_PARTS.halfScale : ACTIVATION_PARTS.scale
    activations.forEach((address, row) => {
      const rest = -this.#passedActivations
      const dots = this.#dots[row]
      f.set(this.#splat, loadSplat(address, ACTIVATION_PARTS.sums + rest))
      if (offset !== 0) {
        const taken = f.let('taken', op('i32x4.dot_i16x8_s', this.#splat, this.#sumsTimes(s, offset)))
        for (const dot of dots) f.set(dot, op('i32x4.sub', dot, taken))
      }
      const total =
        minimums &&
        f.let('total', op('f32x4.convert_i32x4_s', op('i32x4.dot_i16x8_s', this.#splat, this.#sumsTimes(s, 1))))
      f.set(this.#splat, loadSplat(address, activationScale + rest))
      for (const half of HALVES) {
        const sum = sums[row][half]
        const product = op(
          'f32x4.mul',
          op('f32x4.convert_i32x4_s', dots[half]),
          op('f32x4.mul', scales[half], this.#splat),
        )
        f.set(sum, op('f32x4.add', sum, product))
        if (minimums && total) {
          const least = op('f32x4.mul', total, op('f32x4.mul', minimums[half], this.#splat))
          f.set(sum, op('f32x4.sub', sum, least))
        }
      }
    })
  }

  /** What the two half sums of an activation block are multiplied with, to give `factor` times the sum of sub-block s. */
  #sumsTimes(s: number, factor: number): V128 {
    if (this.#layout.format.subBlock === BLOCK_COLUMNS) return vectorOfBits(factor | (factor << 16))
    return vectorOfBits(s === 0 ? factor : factor << 16)
  }
}
