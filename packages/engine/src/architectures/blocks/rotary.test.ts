import { describe, expect, it } from 'vitest'
import type { RotaryScaling } from '../config.ts'
import { rotaryFrequencies } from './rotary.ts'

/** 16 dimensions of base 10000, stretched from 64 tokens. */
function frequencies(scaling: RotaryScaling): { frequencies: number[]; magnitude: number } {
  const { inverseFrequencies, magnitude } = rotaryFrequencies({ dimensions: 16, base: 10000, pairing: 'half', scaling })
  return { frequencies: [...inverseFrequencies], magnitude }
}

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => {
    expect(Math.abs(value / expected[i] - 1)).toBeLessThan(1e-6)
  })
}

/* The expected numbers are those of ROPE_INIT_FUNCTIONS in Hugging Face transformers 5.23. */
describe('rotaryFrequencies', () => {
  it('falls by powers of the base', () => {
    expectClose(
      frequencies({ type: 'none' }).frequencies,
      [1, 0.316227766, 0.1, 0.0316227766, 0.01, 0.00316227766, 0.001, 0.000316227766],
    )
  })

  it('divides by a linear factor', () => {
    expectClose(
      frequencies({ type: 'linear', factor: 8 }).frequencies,
      [0.125, 0.0395284705, 0.0125000002, 0.00395284733, 0.00124999997, 0.000395284733, 0.000125000006, 3.95284733e-5],
    )
  })

  it('divides by the divisors of a GGUF file', () => {
    const divisors = Float32Array.of(1, 2, 4, 8, 1, 1, 1, 2)
    expectClose(
      frequencies({ type: 'divisors', divisors }).frequencies,
      [1, 0.158113883, 0.025, 0.00395284708, 0.01, 0.00316227766, 0.001, 0.000158113883],
    )
  })

  it('stretches only long waves, as Llama 3.1', () => {
    const scaling = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 64 }
    const { frequencies: actual, magnitude } = frequencies({ type: 'llama3', ...scaling })
    expectClose(
      actual,
      [1, 0.244384587, 0.0130422562, 0.00395284733, 0.00124999997, 0.000395284733, 0.000125000006, 3.95284733e-5],
    )
    expect(magnitude).toBe(1)
  })

  it('has nothing to blend where the low and high factor are the same', () => {
    const scaling = { factor: 8, lowFrequencyFactor: 2, highFrequencyFactor: 2, originalContextLength: 64 }
    const { frequencies: actual } = frequencies({ type: 'llama3', ...scaling })
    expectClose(actual.slice(0, 3), [1, 0.316227766, 0.0125])
  })

  it('interpolates slow pairs, as YaRN', () => {
    const scaling = { type: 'yarn', factor: 4, originalContextLength: 64, magnitude: 1.25 } as const
    const rounded = frequencies({ ...scaling, betaFast: 32, betaSlow: 1, truncate: true })
    expectClose(
      rounded.frequencies,
      [1, 0.237170815, 0.049999997, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-5],
    )
    expect(rounded.magnitude).toBe(1.25)
    const exact = frequencies({ ...scaling, betaFast: 16, betaSlow: 2, truncate: false })
    expectClose(
      exact.frequencies,
      [1, 0.14849025, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-5],
    )
  })
})
