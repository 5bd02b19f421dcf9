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
import { ACTIVATION_BLOCK_BYTES, ACTIVATION_PARTS, LANES_BYTES } from '../layout/geometry.ts'
import { Codes, isEven } from './codes.ts'
import { type EmitTile, loadSplat, type Tile } from './linear.ts'
import type { Operands } from './operands.ts'
import { loadScales } from './scales.ts'

/** The first and last 4 rows of a group. */
const HALVES = [0, 1] as const
type Pair<T> = readonly [T, T]

/**
 * y[n] = sum over sub-blocks s of scale[n][s] dx sum over its columns of value(code[n][k]) qx[k], less
 * minimum[n][s] dx sum of qx[k]. Inside a sub-block all is in integers, and so the same with all operands. Where values
 * are codes less an offset, the dot products start with what that takes off: the offset times the sum of qx.
 *
 * A chunk is unpacked to bytes of 4 rows times a quad. These meet a quad of activations as they are, or, as 16-bit lanes
 * of their low and of their high halves, pairs of activations.
 */
export function emitBlocksTile(layout: BlockLayout, operands: Operands): EmitTile {
  return (tile) => new BlocksTile(tile, layout, operands).emit()
}

/** The operands of a type: those of seven bits are not for all. */
export function operandsOf({ format: { bits, values } }: BlockLayout, best: Operands): Operands {
  return best === 'seven-bits' && (bits > 6 || !isEven(values)) ? 'lanes' : best
}

class BlocksTile {
  readonly #tile: Tile
  readonly #layout: BlockLayout
  readonly #operands: Operands
  readonly #codes: Codes
  readonly #base: Plane
  readonly #extra: Plane | undefined
  readonly #dots: readonly Pair<Local<'v128'>>[]
  /** In 16 bits, of seven-bit operands. */
  readonly #partial: readonly Pair<Local<'v128'>>[]
  readonly #bytes: Pair<Local<'v128'>>
  readonly #extraBytes: Pair<Local<'v128'>> | undefined
  readonly #quads: Pair<Local<'v128'>>
  readonly #pairs: Pair<Local<'v128'>>
  readonly #splat: Local<'v128'>
  readonly #end: Local<'i32'>
  readonly #head: Local<'i32'>
  /** Where each activation row has its quants: as bytes in its blocks, or as i16 behind them. */
  readonly #quants: readonly Local<'i32'>[]
  /** Bytes of the block, and of the quants, that the pointers have passed at this place of the code. */
  #passed = 0
  #passedQuants = 0

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
    this.#dots = activations.map((_, row) => pair(`dot${row}`))
    this.#partial = this.#operands === 'seven-bits' ? activations.map((_, row) => pair(`partial${row}`)) : []
    this.#bytes = pair('bytes')
    this.#extraBytes = this.#extra && pair('extra')
    this.#quads = pair('quads')
    this.#pairs = pair('pairs')
    this.#splat = f.local('splat', 'v128')
    this.#end = f.local('end', 'i32')
    this.#head = f.local('head', 'i32')
    this.#quants = this.#operands === 'lanes' ? activations.map((_, row) => f.local(`lanes${row}`, 'i32')) : activations
  }

  emit(): void {
    const { f, steps, activations } = this.#tile
    if (this.#operands === 'lanes') {
      this.#quants.forEach((lanes, row) => {
        f.set(lanes, op('i32.add', activations[row], op('i32.mul', steps, ACTIVATION_BLOCK_BYTES)))
      })
    }
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
    this.#passedQuants = 0
    for (let s = 0; s < BLOCK_COLUMNS / format.subBlock; s++) {
      this.#startDots(s)
      this.#products(s)
      this.#addScaled(s)
    }
    f.increase(weights, blockBytes - this.#passed)
    for (const address of activations) f.increase(address, ACTIVATION_BLOCK_BYTES - this.#passedActivations)
    if (this.#operands === 'lanes')
      for (const lanes of this.#quants) f.increase(lanes, LANES_BYTES - this.#passedQuants)
  }

  /** The pointers to the activation blocks move where the quants in them are read. */
  get #passedActivations(): number {
    return this.#operands === 'lanes' ? 0 : this.#passedQuants
  }

  #startDots(s: number): void {
    const { f, activations } = this.#tile
    const { offset } = this.#codes
    activations.forEach((address, row) => {
      const [low, high] = this.#dots[row]
      f.set(low, offset === 0 ? zeroVector() : this.#sumTimes(address, s, -offset))
      f.set(high, low)
    })
  }

  /** The dot products of a sub-block. */
  #products(s: number): void {
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

  /** Of seven-bit operands: how many chunks' products fit 16 bits. */
  #mostChunksInPartial(): number {
    const largest = 2 ** this.#layout.format.bits - 1
    return Math.floor(32_767 / (2 * 127 * largest) / this.#base.quads)
  }

  #widenPartial(): void {
    const { f } = this.#tile
    this.#partial.forEach((pair, row) => {
      for (const half of HALVES) {
        const dot = this.#dots[row][half]
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
    this.#passedQuants += count * this.#quantBytes
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
      f.set(this.#splat, loadSplat(address, QUAD * quad))
      for (const half of HALVES) {
        const quads = this.#quads[half]
        if (this.#operands === 'bytes') {
          const dot = this.#dots[row][half]
          f.set(dot, op('i32x4.relaxed_dot_i8x16_i7x16_add_s', this.#splat, quads, dot))
        } else {
          const partial = this.#partial[row][half]
          f.set(partial, op('i16x8.add', partial, op('i16x8.relaxed_dot_i8x16_i7x16_s', this.#splat, quads)))
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
        f.set(this.#splat, loadSplat(address, 2 * QUAD * quad + (other ? QUAD : 0)))
        for (const half of HALVES) {
          const dot = this.#dots[row][half]
          f.set(dot, op('i32x4.add', dot, op('i32x4.dot_i16x8_s', this.#pairs[half], this.#splat)))
        }
      })
    }
  }

  /** Adds the dot products times their scales to the sums, and takes off the minimums. */
  #addScaled(s: number): void {
    const { f, weights, activations, sums } = this.#tile
    const layout = this.#layout
    const { minimum, scale } = layout.format
    const head = { address: this.#head, offset: 0 }
    const at = (place: number) => ({ address: weights, offset: place + s * layout.scaleBytes - this.#passed })
    const scales = loadScales(f, layout.format, 'scales', at(layout.scales), head)
    const minimums = minimum
      ? loadScales(f, layout.format, 'minimums', at(layout.minimums), { ...head, offset: MINIMUMS_IN_HEAD })
      : undefined
    const activationScale = scale === 'half' ? ACTIVATION_PARTS.halfScale : ACTIVATION_PARTS.scale
    activations.forEach((address, row) => {
      const total = minimums && f.let('total', op('f32x4.convert_i32x4_s', this.#sumTimes(address, s, 1)))
      f.set(this.#splat, loadSplat(address, activationScale - this.#passedActivations))
      for (const half of HALVES) {
        const sum = sums[row][half]
        const dot = op('f32x4.convert_i32x4_s', this.#dots[row][half])
        f.set(sum, op('f32x4.add', sum, op('f32x4.mul', dot, op('f32x4.mul', scales[half], this.#splat))))
        if (minimums && total) {
          const least = op('f32x4.mul', total, op('f32x4.mul', minimums[half], this.#splat))
          f.set(sum, op('f32x4.sub', sum, least))
        }
      }
    })
  }

  /** `factor` times the sum of the activations of sub-block s. */
  #sumTimes(address: Local<'i32'>, s: number, factor: number): V128 {
    const sums = loadSplat(address, ACTIVATION_PARTS.sums - this.#passedActivations)
    const low = factor & 0xffff
    if (this.#layout.format.subBlock === BLOCK_COLUMNS) {
      return op('i32x4.dot_i16x8_s', sums, vectorOfBits(low | (low << 16)))
    }
    return op('i32x4.dot_i16x8_s', sums, vectorOfBits(s === 0 ? low : low << 16))
  }
}
