import { describe, expect, test } from 'vitest'
import { floatToHalf } from '../../../weights/half.ts'
import { createBank } from '../bank.ts'
import { load, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { ModuleBuilder } from '../emitter/module.ts'
import { pageBytes } from '../layout/key-value-pages.ts'
import { TestBench } from '../test-bench.ts'
import { exponential } from './exponential.ts'

/** exp of many floats by the emitted code. */
function exponentialsOf(values: Float32Array): Float32Array {
  const f = new FunctionBuilder('exponentials')
  const { input, output, bytes } = f.parameterList('input', 'output', 'bytes')
  const i = f.local('i', 'i32')
  f.forRange(i, bytes, 16, () => {
    f.store('v128.store', sum(output, i), 0, exponential(f, load('v128.load', sum(input, i))))
  })
  const module = new ModuleBuilder()
  module.add(f)
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 })
  const compiled = new WebAssembly.Module(module.assemble({ sharedMemory: false }))
  const { exponentials } = new WebAssembly.Instance(compiled, { bank: { memory } }).exports
  new Float32Array(memory.buffer).set(values)
  const results = 2 ** 21
  if (typeof exponentials === 'function') exponentials(0, results, 4 * values.length)
  return new Float32Array(memory.buffer, results, values.length)
}

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
