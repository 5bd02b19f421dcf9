import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Block, newBlock } from '../../../weights/decode/block.ts'
import { BLOCK_FORMATS, type QuantizedType } from '../../../weights/decode/formats.ts'
import { DECODABLE_TYPES, ELEMENT_LAYOUTS, isFloat } from '../../../weights/element-type.ts'
import { createBank } from '../bank.ts'
import { blockLayout, ROWS_PER_GROUP, SUPER_BLOCK } from '../layout/block-layout.ts'
import {
  ACTIVATION_PAIR_BYTES,
  activationStride,
  groupBytes,
  LARGEST_HALF_SUM,
  MOST_MULTIPLE,
  PAIR_PARTS,
} from '../layout/geometry.ts'
import { placeBlock } from '../layout/pack-blocks.ts'
import { TestBench } from '../test-bench.ts'
import { largestDot } from './linear-super-blocks.ts'
import { bestOperands, type Operands } from './operands.ts'

const TYPES = DECODABLE_TYPES.filter((type): type is QuantizedType => !isFloat(type) && Boolean(blockLayout(type).head))

/** The least and the largest factors that blocks of a type can hold: each bit of a factor is set and clear somewhere. */
function rangeOfFactors(type: QuantizedType, part: 'factors' | 'minimumFactors'): readonly [number, number] {
  const { blockBytes } = ELEMENT_LAYOUTS[type]
  const found = [0, 0x7f, 0x80, 0xff].flatMap((byte) => {
    const block = newBlock()
    BLOCK_FORMATS[type].take(new DataView(new Uint8Array(blockBytes).fill(byte).buffer), 0, block)
    return [...block[part]]
  })
  return [Math.min(...found), Math.max(...found)]
}

describe.each(TYPES)('integers of %s', (type) => {
  const layout = blockLayout(type)
  const subBlocks = SUPER_BLOCK / layout.format.subBlock
  const largest = (part: 'factors' | 'minimumFactors') => Math.max(...rangeOfFactors(type, part).map(Math.abs))

  test('stay below 2^31 in a super-block', () => {
    expect(largestDot(layout) * largest('factors') * MOST_MULTIPLE * subBlocks).toBeLessThan(2 ** 31)
    const half = LARGEST_HALF_SUM * MOST_MULTIPLE
    expect(2 * half).toBeLessThan(2 ** 15)
    expect(16 * half * largest('minimumFactors')).toBeLessThan(2 ** 31)
    expect(largest('factors') * MOST_MULTIPLE).toBeLessThan(2 ** 15)
  })

  test.each(operandsHere())('make exact products with operands of %s, at the ends of their ranges too', (operands) => {
    const bench = new TestBench(createBank(2 ** 18, { types: [type], operands }))
    const { values } = layout.format
    const extremes = [values.indexOf(Math.min(...values)), values.indexOf(Math.max(...values))]
    for (const sign of [1, -1]) {
      for (const code of extremes) {
        for (const factor of rangeOfFactors(type, 'factors')) {
          const block = blockOf(code, factor, largest('minimumFactors'))
          const x = new Array<number>(SUPER_BLOCK).fill(sign)
          const { products, rounded } = productsOf(bench, type, block, x)
          const weight = factor * values[code] - (layout.format.minimum ? largest('minimumFactors') : 0)
          const exact = rounded.reduce((sum, value) => sum + value, 0) * weight
          for (const product of products) expect(Math.abs(product / exact - 1)).toBeLessThan(1e-6)
        }
      }
    }
  })
})

function operandsHere(): Operands[] {
  const all = ['lanes', 'seven-bits', 'bytes'] as const
  return all.slice(0, 1 + all.indexOf(bestOperands()))
}

function blockOf(code: number, factor: number, minimumFactor: number): Block {
  const block = newBlock()
  block.codes.fill(code)
  block.d = 1
  block.dmin = 1
  block.factors.fill(factor)
  block.minimumFactors.fill(minimumFactor)
  return block
}

/** Of 8 equal rows of one super-block. */
function productsOf(bench: TestBench, type: QuantizedType, block: Block, x: readonly number[]) {
  const bytes = groupBytes(type, SUPER_BLOCK)
  const weights = bench.reserve(bytes)
  for (let place = 0; place < ROWS_PER_GROUP; place++) {
    placeBlock(bench.views, blockLayout(type), weights, place, block, 0, 8)
  }
  const { address, stride } = round(bench, x)
  const output = bench.reserve(32)
  bench.run(`linear_${type}`, weights, bytes, address, stride, 1, output, 32, 8, 0, 1)
  return { products: [...bench.read(output, 8)], rounded: readRounded(bench, address).map(({ value }) => value) }
}

function round(bench: TestBench, x: readonly number[]) {
  const stride = activationStride('super_blocks', SUPER_BLOCK)
  const address = bench.reserve(stride)
  bench.run('quantize_super_blocks', bench.floats(x), 4 * SUPER_BLOCK, address, stride, 8, 0, 1)
  return { address, stride }
}

/** What the kernel made of 256 numbers, from the quants as i16. */
function readRounded({ views }: TestBench, address: number) {
  const { buffer } = views.bytes
  return Array.from({ length: SUPER_BLOCK }, (_, k) => {
    const pair = address + Math.floor(k / 64) * ACTIVATION_PAIR_BYTES
    const member = Math.floor(k / 32) % 2
    const [scale] = new Float32Array(buffer, pair + PAIR_PARTS.scale, 1)
    const multiple = new Int16Array(buffer, pair + PAIR_PARTS.multiples, 2)[1 - member]
    const [quant] = new Int16Array(buffer, address + 4 * ACTIVATION_PAIR_BYTES + 2 * k, 1)
    return { quant, multiple, unit: multiple * scale, value: quant * multiple * scale }
  })
}

describe('activations rounded in super-blocks', () => {
  const block = fc
    .record({
      exponent: fc.integer({ min: -20, max: 20 }),
      shape: fc.constantFrom(0.01, 1, 8),
      numbers: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 32, maxLength: 32 }),
    })
    .map(({ exponent, shape, numbers }) => numbers.map((x) => Math.sign(x) * Math.abs(x) ** shape * 2 ** exponent))
  const row = fc.array(block, { minLength: 8, maxLength: 8 }).map((blocks) => blocks.flat().map(Math.fround))

  test('are the nearest multiples of their units, and small enough', () => {
    fc.assert(
      fc.property(row, (x) => {
        const bench = new TestBench(createBank(65_536))
        const rounded = readRounded(bench, round(bench, x).address)
        const halves = new Array<number>(16).fill(0)
        rounded.forEach(({ quant, multiple, unit, value }, k) => {
          expect(Math.abs(x[k] - value)).toBeLessThanOrEqual(unit * 0.5001)
          expect(Math.abs(quant)).toBeLessThanOrEqual(127)
          expect(multiple).toBeGreaterThanOrEqual(1)
          expect(multiple).toBeLessThanOrEqual(MOST_MULTIPLE)
          halves[Math.floor(k / 16)] += Math.abs(quant)
        })
        expect(Math.max(...halves)).toBeLessThanOrEqual(LARGEST_HALF_SUM)
      }),
    )
  })

  test('have no coarser units than a sixteenth more of the largest that a block asks for', () => {
    fc.assert(
      fc.property(row, (x) => {
        const bench = new TestBench(createBank(65_536))
        const needs = Array.from({ length: 8 }, (_, b) => {
          const sizes = x.slice(32 * b, 32 * b + 32).map(Math.abs)
          const sum = (from: number) => sizes.slice(from, from + 16).reduce((total, size) => total + size, 0)
          return Math.max(Math.max(...sizes) / 127, sum(0) / (LARGEST_HALF_SUM - 9), sum(16) / (LARGEST_HALF_SUM - 9))
        })
        const finest = Math.max(...needs) / MOST_MULTIPLE
        readRounded(bench, round(bench, x).address).forEach(({ unit }, k) => {
          expect(unit).toBeLessThanOrEqual((needs[k >> 5] + finest) * 1.0001)
        })
      }),
    )
  })
})
