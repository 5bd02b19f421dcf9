import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lookUp } from './prompt-lookup.ts'

describe('lookUp', () => {
  it('tells what followed the last tokens when they came before', () => {
    expect(lookUp([1, 2, 3, 4, 5, 6, 9, 1, 2, 3], 3)).toEqual([4, 5, 6])
  })

  it('takes the longest likeness, and the latest of equals', () => {
    expect(lookUp([7, 1, 2, 3, 50, 8, 1, 2, 3, 60, 7, 1, 2, 3], 1)).toEqual([50])
    expect(lookUp([1, 2, 3, 50, 1, 2, 3, 60, 1, 2, 3], 1)).toEqual([60])
  })

  it('guesses nothing where two tokens agree by chance, and where all is new', () => {
    expect(lookUp([1, 2, 9, 4, 1, 2], 3)).toEqual([])
    expect(lookUp([1, 2, 3, 4], 3)).toEqual([])
    expect(lookUp([], 3)).toEqual([])
  })

  it('goes round where the text does', () => {
    expect(lookUp([1, 2, 1, 2, 1, 2], 5)).toEqual([1, 2, 1, 2, 1])
    expect(lookUp([5, 5, 5, 5], 3)).toEqual([5, 5, 5])
  })

  it('agrees with comparing every pair of ends', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (ids, count) => {
        const likeness = (at: number) => {
          let length = 0
          while (length < Math.min(at, 8) && ids[at - 1 - length] === ids[ids.length - 1 - length]) length++
          return length
        }
        const places = [...ids.keys()].filter((at) => likeness(at) >= 3)
        const follows = Math.max(...places.filter((at) => likeness(at) === Math.max(...places.map(likeness))))
        const period = ids.length - follows
        const guesses = Array.from({ length: count }, (_, i) => ids[follows + (i % period)])
        expect(lookUp(ids, count)).toEqual(places.length === 0 ? [] : guesses)
      }),
      { numRuns: 3000 },
    )
  })
})
