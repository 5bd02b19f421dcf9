import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OptionError } from '../errors.ts'
import { checkAlternatives, logprobs } from './logprobs.ts'

it('equals log-softmax worked out by hand', () => {
  const { id, logprob, top } = logprobs(Float32Array.from([0.1, 0.4, 0.3, 0.2], Math.log), 0, 2)
  expect(id).toBe(0)
  expect(logprob).toBeCloseTo(Math.log(0.1), 6)
  expect(top.map((token) => token.id)).toEqual([1, 2])
  expect(top[0].logprob).toBeCloseTo(Math.log(0.4), 6)
  expect(top[1].logprob).toBeCloseTo(Math.log(0.3), 6)
})

it('equals log-softmax to 1e-4 at any scale, and lists the top in order', () => {
  const logit = fc.double({ min: -500, max: 500, noNaN: true })
  fc.assert(
    fc.property(fc.array(logit, { minLength: 1, maxLength: 40 }), fc.nat(25), (values, alternatives) => {
      const logits = Float32Array.from(values)
      const top = Math.max(...logits)
      const normaliser = top + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0))
      const sorted = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b)
      const result = logprobs(logits, 0, alternatives)
      expect(Math.abs(result.logprob - (logits[0] - normaliser))).toBeLessThan(1e-4)
      expect(result.top.map((token) => token.id)).toEqual(sorted.slice(0, alternatives))
    }),
  )
})

it('gives a forbidden token minus infinity', () => {
  expect(logprobs(Float32Array.of(0, -Infinity), 1, 0).logprob).toBe(-Infinity)
})

it('refuses more alternatives than it offers', () => {
  expect(() => checkAlternatives(21)).toThrow(OptionError)
  expect(() => checkAlternatives(1.5)).toThrow('logprobs')
  checkAlternatives(20)
})
