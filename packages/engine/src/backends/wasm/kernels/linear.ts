import { load, op, sum, type V128 } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import type { ModuleBuilder } from '../emitter/module.ts'

/** Activation rows that one pass over a group of weight rows serves: powers of 2, widest first. */
const TILES = [4, 2, 1] as const

/** Weights of a span: small beside a core's second cache, of which 512 KiB is the least in use. */
const SPAN_BYTES = 2 ** 18

/** What the tile of a type has to work with. */
export interface Tile {
  readonly f: FunctionBuilder
  /** Address of the group's next weights. */
  readonly weights: Local<'i32'>
  /** Blocks or columns that are left. */
  readonly steps: Local<'i32'>
  /** For each activation row the address of its next activations. */
  readonly activations: readonly Local<'i32'>[]
  /** For each activation row the sums of the group's first and last 4 rows, zero at first. */
  readonly sums: readonly (readonly [Local<'v128'>, Local<'v128'>])[]
}

/** Adds the products of one group of 8 weight rows with the activation rows of the tile to its sums. */
export type EmitTile = (tile: Tile) => void

/**
 * Emits `linear_TYPE`: y[t][n] = sum over k of w[n][k] x[t][k], for all activation rows t and the groups [from, to) of
 * 8 weight rows. The groups are taken in spans that fit a core's second cache: their weights are read from memory once, from
 * one end to the other, and again from there for every further 4 activation rows. The order in which an element's products
 * are added depends neither on the tile nor on the range, so that results are equal to the bit.
 *
 * The loop over k is a function of its own, called for every group: engines replace slow first code at calls only.
 */
export function addLinear(module: ModuleBuilder, type: string, emit: EmitTile): void {
  const tiles = TILES.map((rows) => ({ rows, tile: module.addInternal(tileFunction(type, rows, emit)) }))
  const f = new FunctionBuilder(`linear_${type}`)
  const weights = f.parameter('weights', 'i32')
  const { groupBytes, activations, activationStride, rows } = f.parameterList(
    'groupBytes',
    'activations',
    'activationStride',
    'rows',
  )
  const { output, outputStride, steps, from, to } = f.parameterList('output', 'outputStride', 'steps', 'from', 'to')
  const row = f.local('row', 'i32')
  const group = f.local('group', 'i32')
  const behind = f.local('behind', 'i32')
  const span = f.let('span', sum(op('i32.div_u', SPAN_BYTES, groupBytes), 1))
  const first = f.let('first', from)
  f.forRange(first, to, span, () => {
    f.set(behind, sum(first, span))
    f.if(op('i32.gt_u', behind, to), () => f.set(behind, to))
    f.set(row, 0)
    for (const { rows: width, tile } of tiles) {
      f.forRange(row, op('i32.and', rows, -width), width, () => {
        f.set(group, first)
        f.forRange(group, behind, 1, () => {
          f.call(
            tile,
            sum(weights, op('i32.mul', group, groupBytes)),
            sum(activations, op('i32.mul', row, activationStride)),
            activationStride,
            sum(output, op('i32.mul', row, outputStride), op('i32.mul', group, 32)),
            outputStride,
            steps,
          )
        })
      })
    }
  })
  module.add(f)
}

function tileFunction(type: string, rows: number, emit: EmitTile): FunctionBuilder {
  const f = new FunctionBuilder(`linear_${type}_tile_${rows}`)
  const { weights, activations, activationStride, output, outputStride, steps } = f.parameterList(
    'weights',
    'activations',
    'activationStride',
    'output',
    'outputStride',
    'steps',
  )
  const all = [activations]
  for (let row = 1; row < rows; row++) all.push(f.let(`activations${row}`, sum(all[row - 1], activationStride)))
  const sums = all.map((_, row) => [f.local(`low${row}`, 'v128'), f.local(`high${row}`, 'v128')] as const)
  emit({ f, weights, steps, activations: all, sums })
  for (const [low, high] of sums) {
    f.store('v128.store', output, 0, low)
    f.store('v128.store', output, 16, high)
    f.increase(output, outputStride)
  }
  return f
}

/** Four times the float or the pair of integers at an address. */
export function loadSplat(address: Local<'i32'>, offset: number): V128 {
  return load('v128.load32_splat', address, offset)
}
