import { type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { elementBytes, type FloatCacheType, STRIPE } from '../layout/key-value-pages.ts'
import { loadHalves } from './half.ts'
import { loadSplat } from './linear.ts'
import { multiplyAdd } from './multiply-add.ts'

/** Queries and vectors of a stripe whose sums stay in registers: eight, which are as many as a processor adds at once. */
const TILES = {
  f32: [
    { queries: 2, vectors: 4 },
    { queries: 1, vectors: 4 },
  ],
  /** Four queries share a conversion. */
  f16: [
    { queries: 4, vectors: 2 },
    { queries: 2, vectors: 4 },
    { queries: 1, vectors: 4 },
  ],
} as const satisfies Record<FloatCacheType, readonly { queries: number; vectors: number }[]>

/**
 * Emits `panel_product_TYPE`: y[q][c] += sum over r of x[q][r] panel[r][c], in the order of r, for all queries q, whose x
 * and y lie a stride apart. The panel lies in stripes of 16 columns (layout/key-value-pages.ts), `stripeBytes` apart. Halves
 * are taken times 2^-112, the factor that their conversion leaves out.
 * @param fused multiply and add round once, where the machine does so
 */
export function panelProductFunction(type: FloatCacheType, fused: boolean): FunctionBuilder {
  const f = new FunctionBuilder(`panel_product_${type}`)
  const { x, xStride, queries, rows } = f.parameterList('x', 'xStride', 'queries', 'rows')
  const { panel, stripeBytes, stripes } = f.parameterList('panel', 'stripeBytes', 'stripes')
  const { output, outputStride } = f.parameterList('output', 'outputStride')
  const rowBytes = STRIPE * elementBytes(type)
  const query = f.local('query', 'i32')
  const row = f.local('row', 'i32')
  const weight = f.local('weight', 'v128')
  const bytes = f.let('bytes', op('i32.mul', rows, rowBytes))

  const tile = (count: number, first: number, vectors: number): void => {
    const xs = strided(f, 'x', sum(x, op('i32.mul', query, xStride)), xStride, count)
    const targets = strided(f, 'y', sum(output, op('i32.mul', query, outputStride)), outputStride, count)
    const places = Array.from({ length: vectors }, (_, v) => first + v)
    const sums = targets.map((target, q) => places.map((v) => f.let(`sum${q}_${v}`, load('v128.load', target, 16 * v))))
    f.set(row, panel)
    f.forRange(row, f.let('end', sum(panel, bytes)), rowBytes, () => {
      const splats = xs.map((address, q) => f.let(`splat${q}`, loadSplat(address, 0)))
      places.forEach((place, v) => {
        f.set(weight, type === 'f16' ? loadHalves(row, 8 * place) : load('v128.load', row, 16 * place))
        splats.forEach((splat, q) => {
          f.set(sums[q][v], multiplyAdd(weight, splat, sums[q][v], fused))
        })
      })
      for (const address of xs) f.increase(address, 4)
    })
    targets.forEach((target, q) => {
      places.forEach((place, v) => {
        f.store('v128.store', target, 16 * place, sums[q][v])
      })
    })
  }
  forTiles({ f, query, queries, panel, stripeBytes, stripes, output }, TILES[type], tile)
  return f
}

/** Variables of a product with a panel, by their names in `panelProductFunction`. */
interface PanelWalk
  extends Readonly<Record<'query' | 'queries' | 'panel' | 'stripeBytes' | 'stripes' | 'output', Local<'i32'>>> {
  readonly f: FunctionBuilder
}

/** For each stripe and all queries, as many at once as tiles are wide: has the vectors of the stripe emitted, from the first on. */
export function forTiles(
  { f, query, queries, panel, stripeBytes, stripes, output }: PanelWalk,
  tiles: readonly { readonly queries: number; readonly vectors: number }[],
  tile: (count: number, first: number, vectors: number) => void,
): void {
  const stripe = f.let('stripe', op('i32.sub', 0, stripes))
  f.doWhile(() => {
    f.set(query, 0)
    for (const { queries: count, vectors } of tiles) {
      f.forRange(query, op('i32.and', queries, -count), count, () => {
        for (let first = 0; first < STRIPE / 4; first += vectors) tile(count, first, vectors)
      })
    }
    f.increase(panel, stripeBytes)
    f.increase(output, 4 * STRIPE)
    f.increase(stripe, 1)
  }, stripe)
}

/** Variables for addresses a stride apart. */
export function strided(f: FunctionBuilder, label: string, first: I32, stride: I32, count: number): Local<'i32'>[] {
  const addresses = [f.let(`${label}0`, first)]
  for (let i = 1; i < count; i++) addresses.push(f.let(`${label}${i}`, sum(addresses[i - 1], stride)))
  return addresses
}
