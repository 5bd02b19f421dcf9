import { describe, expect, it } from 'vitest'
import { philox, randomSeed, uniform } from './random.ts'

const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ')

describe('philox', () => {
  // Known answers published with Random123 (kat_vectors, philox4x32 10).
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[~0 >>> 0, ~0 >>> 0, ~0 >>> 0, ~0 >>> 0], [~0 >>> 0, ~0 >>> 0], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('gives the published vector for %j, %j', (counter, key, words) => {
    expect(hex(philox(counter, key))).toBe(words)
  })
})

describe('uniform', () => {
  it('is a function of seed and step, with values spread evenly over [0, 1)', () => {
    const tenths = new Array(10).fill(0)
    for (let step = 0; step < 100_000; step++) {
      const value = uniform(42, step)
      expect(value >= 0 && value < 1).toBe(true)
      tenths[Math.floor(value * 10)]++
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(450)
    expect(uniform(42, 7)).toBe(uniform(42, 7))
    expect(uniform(42, 7)).not.toBe(uniform(43, 7))
    expect(uniform(42, 7)).not.toBe(uniform(42 + 2 ** 40, 7))
    expect(uniform(42, 7)).not.toBe(uniform(42, 7 + 2 ** 40))
  })

  it('offers fresh seeds', () => {
    expect(randomSeed()).not.toBe(randomSeed())
  })
})
