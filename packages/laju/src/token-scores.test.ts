import { expect, it } from 'vitest'
import { mostLikely } from './token-scores.ts'

it('ranks tokens by log-probability', () => {
  const top = mostLikely(Float32Array.from([0, Math.log(2), Math.log(5), Math.log(2)]), 3)
  expect(top.map(({ id }) => id)).toEqual([2, 1, 3])
  expect(top.map(({ logprob }) => Math.exp(logprob).toFixed(4))).toEqual(['0.5000', '0.2000', '0.2000'])
})

it('does not overflow, and answers at most what there is', () => {
  const top = mostLikely(Float32Array.from([1000, 999]), 5)
  expect(top).toHaveLength(2)
  expect(top[0]?.logprob).toBeCloseTo(-0.3133, 4)
})
