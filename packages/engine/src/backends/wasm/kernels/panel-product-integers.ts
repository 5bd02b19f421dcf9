import { PAGE_LENGTH } from '../../backend.ts'
import { type I32, load, op, sum, type V128, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { elementBytes, type IntegerCacheType, KEY_BLOCK, STRIPE } from '../layout/key-value-pages.ts'
import { loadSplat } from './linear.ts'
import { multiplyAdd } from './multiply-add.ts'
import { forTiles, strided } from './panel-product.ts'

/** Queries and vectors of a stripe whose sums stay in registers. */
const TILES = [
  { queries: 4, vectors: 2 },
  { queries: 2, vectors: 4 },
  { queries: 1, vectors: 4 },
] as const

/** Pairs of rows in a round of the innermost loop: those of 16 rows, to which panels are padded. */
const PAIRS_AT_ONCE = STRIPE / 2

/**
 * Emits `key_product_TYPE` or `value_product_TYPE`: y[q][c] += sum over r of x[q][r] panel[r][c] for all queries q, whose x
 * and y lie a stride apart, and `rows` a multiple of 16. The panel lies in stripes of 16 columns, `stripeBytes` apart, its
 * rows in pairs (layout/key-value-pages.ts).
 *
 * x holds i16, and behind as many as there are rows of the whole panel its scales, f32. Of keys, x and panel have a scale
 * for each 32 rows; of values, x has one for all. What shares a scale is summed up as integers, exactly and in any order: that
 * such sums stay below 2^31 is the business of who rounds.
 * @param fused multiply and add round once, where the machine does so
 */
export function integerProductFunction(
  panelOf: 'key' | 'value',
  type: IntegerCacheType,
  fused: boolean,
): FunctionBuilder {
  const f = new FunctionBuilder(`${panelOf}_product_${type}`)
  const { x, xStride, queries, rows } = f.parameterList('x', 'xStride', 'queries', 'rows')
  const { panel, stripeBytes, stripes } = f.parameterList('panel', 'stripeBytes', 'stripes')
  const { output, outputStride } = f.parameterList('output', 'outputStride')
  const size = elementBytes(type)
  const query = f.local('query', 'i32')
  const row = f.local('row', 'i32')
  const end = f.local('end', 'i32')
  const weight = f.local('weight', 'v128')

  const tile = (count: number, first: number, vectors: number): void => {
    const xs = strided(f, 'x', sum(x, op('i32.mul', query, xStride)), xStride, count)
    const scalesBehind = panelOf === 'key' ? op('i32.mul', rows, 2) : PAGE_LENGTH * 2
    const scales = xs.map((address, q) => f.let(`scale${q}`, sum(address, scalesBehind)))
    const targets = strided(f, 'y', sum(output, op('i32.mul', query, outputStride)), outputStride, count)
    const places = Array.from({ length: vectors }, (_, v) => first + v)
    const sums = targets.map((_, q) => places.map((v) => f.local(`sum${q}_${v}`, 'v128')))
    f.set(row, panel)
    if (panelOf === 'value') {
      sumUp(xs, places, sums, rows)
      scaleUp(targets, places, sums, (q) => loadSplat(scales[q], 0))
      return
    }
    const left = f.let('left', rows)
    f.doWhile(
      () => {
        const rowsOfBlock = f.let('rowsOfBlock', left)
        f.if(op('i32.gt_s', left, KEY_BLOCK), () => f.set(rowsOfBlock, KEY_BLOCK))
        sumUp(xs, places, sums, rowsOfBlock)
        scaleUp(targets, places, sums, (q, place) => {
          return op('f32x4.mul', loadSplat(scales[q], 0), load('v128.load', row, 16 * place))
        })
        f.increase(row, 4 * STRIPE)
        for (const scale of scales) f.increase(scale, 4)
        f.increase(left, -KEY_BLOCK)
      },
      op('i32.gt_s', left, 0),
    )
  }

  /** The integer sums of so many rows from `row` on. */
  const sumUp = (
    xs: readonly Local<'i32'>[],
    places: readonly number[],
    sums: readonly (readonly Local<'v128'>[])[],
    count: I32,
  ): void => {
    const splats = xs.map((_, q) => f.local(`splat${q}`, 'v128'))
    for (const local of sums.flat()) f.set(local, zeroVector())
    f.set(end, sum(row, op('i32.mul', count, STRIPE * size)))
    f.forRange(row, end, 2 * STRIPE * size * PAIRS_AT_ONCE, () => {
      for (let pair = 0; pair < PAIRS_AT_ONCE; pair++) {
        xs.forEach((address, q) => {
          f.set(splats[q], loadSplat(address, 4 * pair))
        })
        places.forEach((place, v) => {
          f.set(weight, loadPairs(type, row, 2 * size * (STRIPE * pair + 4 * place)))
          splats.forEach((splat, q) => {
            f.set(sums[q][v], op('i32x4.add', sums[q][v], op('i32x4.dot_i16x8_s', weight, splat)))
          })
        })
      }
      for (const address of xs) f.increase(address, 4 * PAIRS_AT_ONCE)
    })
  }

  const scaleUp = (
    targets: readonly Local<'i32'>[],
    places: readonly number[],
    sums: readonly (readonly Local<'v128'>[])[],
    factor: (query: number, place: number) => V128,
  ): void => {
    targets.forEach((target, q) => {
      places.forEach((place, v) => {
        const before = load('v128.load', target, 16 * place)
        const scaled = multiplyAdd(op('f32x4.convert_i32x4_s', sums[q][v]), factor(q, place), before, fused)
        f.store('v128.store', target, 16 * place, scaled)
      })
    })
  }

  forTiles({ f, query, queries, panel, stripeBytes, stripes, output }, TILES, tile)
  return f
}

/** Two rows of four columns as i16, the rows of a column side by side. */
function loadPairs(type: IntegerCacheType, address: I32, offset: number): V128 {
  return load(type === 'i16' ? 'v128.load' : 'v128.load8x8_s', address, offset)
}
