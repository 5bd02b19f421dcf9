import { describe, expect, test } from 'vitest'
import { floatToHalf } from '../../../weights/half.ts'
import { createBank } from '../bank.ts'
import { load, sum, type V128 } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { ModuleBuilder } from '../emitter/module.ts'
import { pageBytes } from '../layout/key-value-pages.ts'
import { TestBench } from '../test-bench.ts'
import { exponential } from './exponential.ts'
import { multiplyAdd } from './multiply-add.ts'
import { bestOperands } from './operands.ts'
import { constantsOfPower, powerOfTwo } from './power-of-two.ts'

/** What emitted code makes of many floats. */
function computed(values: Float32Array, emit: (f: FunctionBuilder) => (four: V128) => V128): Float32Array {
  const f = new FunctionBuilder('computed')
  const { input, output, bytes } = f.parameterList('input', 'output', 'bytes')
  const i = f.local('i', 'i32')
  const of = emit(f)
  f.forRange(i, bytes, 16, () => f.store('v128.store', sum(output, i), 0, of(load('v128.load', sum(input, i)))))
  const module = new ModuleBuilder()
  module.add(f)
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 })
  const compiled = new WebAssembly.Module(module.assemble({ sharedMemory: false }))
  const { computed } = new WebAssembly.Instance(compiled, { bank: { memory } }).exports
  new Float32Array(memory.buffer).set(values)
  const results = 2 ** 21
  if (typeof computed === 'function') computed(0, results, 4 * values.length)
  return new Float32Array(memory.buffer, results, values.length)
}

const exponentialsOf = (values: Float32Array): Float32Array => computed(values, (f) => (x) => exponential(f, x))

describe.each(bestOperands() === 'lanes' ? [false] : [false, true])('2^y, fused: %s', (fused) => {
  const powersOf = (values: Float32Array): Float32Array =>
    computed(values, (f) => {
      const constants = constantsOfPower(f)
      return (y) => powerOfTwo(f, y, constants, (a, b, c) => multiplyAdd(a, b, c, fused))
    })

  test('is within 2 units in the last place', () => {
    const values = Float32Array.from({ length: 400_000 }, (_, i) => (-125 * i) / 400_000)
    const results = powersOf(values)
    let worst = 0
    values.forEach((y, i) => {
      worst = Math.max(worst, Math.abs(results[i] - 2 ** y) / 2 ** (Math.floor(y) - 23))
    })
    expect(worst).toBeLessThanOrEqual(2)
  })

  test('at the ends', () => {
    const results = powersOf(Float32Array.from([0, -1, -126.5, -1e30, Number.NEGATIVE_INFINITY, Number.NaN, -0, -126]))
    expect([...results.subarray(0, 5)]).toEqual([1, 0.5, 0, 0, 0])
    expect(results[5]).toBeNaN()
    expect([...results.subarray(6)]).toEqual([1, 2 ** -126])
  })
})

describe('exp', () => {
  test('is within 2 units in the last place', () => {
    const values = Float32Array.from({ length: 400_000 }, (_, i) => -87 + (i * 175) / 400_000)
    const results = exponentialsOf(values)
    let worst = 0
    values.forEach((x, i) => {
      const exact = Math.exp(x)
      const unit = 2 ** (Math.floor(Math.log2(exact)) - 23)
      worst = Math.max(worst, Math.abs(results[i] - exact) / unit)
    })
    expect(worst).toBeLessThanOrEqual(2)
  })

  test('at the ends', () => {
    const values = Float32Array.from([0, -88, Number.NEGATIVE_INFINITY, -1e30, 1e30, Number.NaN, -0, 1])
    const results = exponentialsOf(values)
    expect([...results.subarray(0, 4)]).toEqual([1, 0, 0, 0])
    expect(results[4] / Math.exp(88)).toBeCloseTo(1, 5)
    expect(results[5]).toBeNaN()
    expect(results[6]).toBe(1)
  })
})

/** Halves as the cache of one head of 16 dimensions keeps the values of many tokens. */
function halvesOf(values: Float32Array): Uint16Array {
  const tokens = values.length / 16
  const pages = Math.ceil(tokens / 64)
  const bytes = pageBytes({ kind: 'kv', id: 0, keyValueHeads: 1, headDimension: 16 }, 'f16')
  const bench = new TestBench(createBank(2 ** 24))
  const target = bench.reserve(pages * bytes)
  const input = bench.reserve(4 * values.length)
  // As bits: NaNs keep their payload.
  bench.views.words.set(new Uint32Array(values.buffer), input / 4)
  const slots = bench.integers(Array.from({ length: tokens }, (_, token) => token))
  bench.run('append_f16', input, input, 64, slots, target, bytes, 1, 16, 0, tokens)
  const halves = new Uint16Array(values.length)
  for (let page = 0; page < pages; page++) {
    const start = (target + page * bytes + bytes / 2) / 2
    halves.set(bench.views.halves.subarray(start, start + Math.min(1024, values.length - 1024 * page)), 1024 * page)
  }
  return halves
}

test('halves are rounded to the nearest, ties to even, at every half and between all', () => {
  const bits = new Uint32Array(4 * 65_536)
  const floats = new Float32Array(bits.buffer)
  for (let i = 0; i < 32_768; i++) {
    // Around every value of a half, and around every middle of two.
    const value = i < 0x7c00 ? middleAbove(i) : 1e5 * i
    floats[8 * i] = value
    for (let j = 1; j < 8; j++) bits[8 * i + j] = bits[8 * i] + [0, 1, -1, 4095, -4096, 4096, 8191, 2 ** 31][j]
  }
  const halves = halvesOf(floats)
  const wrong = [...floats].findIndex((value, i) => {
    const expected = floatToHalf(value)
    const bothNan = Number.isNaN(value) && (halves[i] & 0x7fff) > 0x7c00
    return halves[i] !== expected && !bothNan
  })
  expect(wrong === -1 ? 'all right' : `${floats[wrong]} became ${halves[wrong]}`).toBe('all right')
})

/** Half-way between a positive half and the next. */
function middleAbove(half: number): number {
  const value = (h: number): number => {
    const [exponent, fraction] = [h >> 10, h & 1023]
    return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
  }
  return (value(half) + value(half + 1)) / 2
}
