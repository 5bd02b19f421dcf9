import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nextAbove } from './next-above.ts'

it('finds what looking at every value finds', () => {
  const value = fc.oneof(fc.float(), fc.constantFrom(0, -0, Number.NEGATIVE_INFINITY))
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), fc.nat(45), value, (array, from, threshold) => {
      const found = array.findIndex((v, i) => i >= from && !(v <= threshold))
      const none = Math.max(from, array.length)
      expect(nextAbove(Float32Array.from(array), from, Math.fround(threshold))).toBe(found < 0 ? none : found)
    }),
    { numRuns: 5000 },
  )
})
