import { describe, expect, test } from 'vitest'
import { randomNumbers } from '../../testing/random-tensors.ts'
import { type Lifetime, Placement, placeLifetimes } from './placement.ts'

test('addresses follow each other in whole cache lines', () => {
  const placement = new Placement(10)
  expect([placement.place(1), placement.place(65), placement.place(0), placement.place(64)]).toEqual([
    64, 128, 256, 256,
  ])
  expect(placement.end).toBe(320)
})

describe('lifetimes', () => {
  test('share memory one after the other', () => {
    const chain = Array.from({ length: 10 }, (_, i): Lifetime => ({ bytes: 128, from: i, to: i + 1 }))
    expect(placeLifetimes(chain).bytes).toBe(256)
  })

  test('never overlap in both time and memory', () => {
    const random = randomNumbers(1)
    const below = (limit: number): number => Math.floor(random() * limit)
    const lifetimes = Array.from({ length: 200 }, (): Lifetime => {
      const from = below(100)
      return { bytes: below(1000) + 1, from, to: from + below(20) }
    })
    const { offsets, bytes } = placeLifetimes(lifetimes)
    lifetimes.forEach((a, i) => {
      expect(offsets[i] + a.bytes).toBeLessThanOrEqual(bytes)
      lifetimes.slice(0, i).forEach((b, j) => {
        const sameTime = a.from <= b.to && b.from <= a.to
        const samePlace = offsets[i] < offsets[j] + b.bytes && offsets[j] < offsets[i] + a.bytes
        expect(sameTime && samePlace).toBe(false)
      })
    })
  })

  test('of nothing need nothing', () => {
    expect(placeLifetimes([])).toEqual({ offsets: [], bytes: 0 })
  })
})
