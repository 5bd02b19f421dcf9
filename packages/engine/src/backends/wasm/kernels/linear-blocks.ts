import { op, type V128, vectorOfBits, zeroVector } from '../emitter/expression.ts'
import type { Local } from '../emitter/function.ts'
import { BLOCK_COLUMNS, type BlockLayout, type ScalesLayout } from '../layout/block-layout.ts'
import { ACTIVATION_BLOCK_BYTES, ACTIVATION_PARTS } from '../layout/geometry.ts'
import { BlockDots, HALVES } from './block-dots.ts'
import { type EmitTile, loadSplat, type Tile } from './linear.ts'
import { emitSuperBlocksTile } from './linear-super-blocks.ts'
import { isFused, multiplyAdd } from './multiply-add.ts'
import type { Machine } from './operands.ts'
import { loadScales } from './scales.ts'

/** y = sum over k of w[n][k] x[k], for weights in blocks. */
export function emitBlocksTile(layout: BlockLayout, machine: Machine): EmitTile {
  const { scales, head } = layout
  if (head) return emitSuperBlocksTile(layout, head, machine)
  if (!scales) throw new RangeError('A type without scales.')
  return (tile) => new BlocksTile(tile, layout, scales, machine).emit()
}

/**
 * y[n] = sum over sub-blocks s of scale[n][s] dx sum over its columns of value(code[n][k]) qx[k], less
 * minimum[n][s] dx sum of qx[k].
 */
class BlocksTile {
  readonly #tile: Tile
  readonly #layout: BlockLayout
  readonly #scales: ScalesLayout
  readonly #dots: BlockDots
  readonly #fused: boolean

  constructor(tile: Tile, layout: BlockLayout, scales: ScalesLayout, machine: Machine) {
    this.#tile = tile
    this.#layout = layout
    this.#scales = scales
    this.#dots = new BlockDots(tile, layout, machine)
    this.#fused = isFused(machine.operands)
  }

  emit(): void {
    const { f, steps } = this.#tile
    this.#dots.begin(ACTIVATION_BLOCK_BYTES)
    f.doWhile(
      () => {
        this.#block()
        f.increase(steps, -1)
      },
      op('i32.ne', steps, 0),
    )
  }

  #block(): void {
    for (let s = 0; s < BLOCK_COLUMNS / this.#layout.format.subBlock; s++) {
      this.#startDots(s)
      this.#dots.addProducts(s, 0)
      this.#addScaled(s)
    }
    this.#dots.endBlock()
    this.#dots.endActivations(ACTIVATION_BLOCK_BYTES, 1)
  }

  #startDots(s: number): void {
    const { f, activations } = this.#tile
    const { offset, dots } = this.#dots
    activations.forEach((address, row) => {
      const [low, high] = dots[row]
      f.set(low, offset === 0 ? zeroVector() : this.#sumTimes(address, s, -offset))
      f.set(high, low)
    })
  }

  /** Adds the dot products times their scales to the sums, and takes off the minimums. */
  #addScaled(s: number): void {
    const { f, weights, activations, sums } = this.#tile
    const { format } = this.#layout
    const { start, minimums: startOfMinimums, subBlockBytes } = this.#scales
    const { dots, splat } = this.#dots
    const at = (place: number): number => place + s * subBlockBytes
    const scales = loadScales(f, format, 'scales', weights, at(start))
    const minimums = format.minimum ? loadScales(f, format, 'minimums', weights, at(startOfMinimums)) : undefined
    const activationScale = format.scale === 'half' ? ACTIVATION_PARTS.halfScale : ACTIVATION_PARTS.scale
    activations.forEach((address, row) => {
      const total = minimums && f.let('total', op('f32x4.convert_i32x4_s', this.#sumTimes(address, s, 1)))
      f.set(splat, loadSplat(address, activationScale))
      for (const half of HALVES) {
        const sum = sums[row][half]
        const dot = op('f32x4.convert_i32x4_s', dots[row][half])
        f.set(sum, multiplyAdd(dot, op('f32x4.mul', scales[half], splat), sum, this.#fused))
        if (minimums && total) {
          const least = op('f32x4.mul', total, op('f32x4.mul', minimums[half], splat))
          f.set(sum, op('f32x4.sub', sum, least))
        }
      }
    })
  }

  /** `factor` times the sum of the activations of sub-block s. */
  #sumTimes(address: Local<'i32'>, s: number, factor: number): V128 {
    const sums = loadSplat(address, ACTIVATION_PARTS.sums)
    const low = factor & 0xffff
    if (this.#layout.format.subBlock === BLOCK_COLUMNS) {
      return op('i32x4.dot_i16x8_s', sums, vectorOfBits(low | (low << 16)))
    }
    return op('i32x4.dot_i16x8_s', sums, vectorOfBits(s === 0 ? low : low << 16))
  }
}
