import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidatesOf, ThreadTrial } from './thread-trial.ts'

/** The number that is found when steps take so long, and the threads of each step before. */
function settle(most: number, milliseconds: (threads: number, step: number) => number) {
  const trial = new ThreadTrial(candidatesOf(most))
  const tried: number[] = []
  while (!trial.isSettled) {
    tried.push(trial.threads)
    trial.measured(milliseconds(trial.threads, tried.length))
  }
  return { threads: trial.threads, tried }
}

describe('the number of threads', () => {
  test('is the most where that is fastest, or as fast as fewer', () => {
    expect(settle(8, (threads) => 80 / threads).threads).toBe(8)
    expect(settle(8, (threads) => 80 / Math.min(threads, 4)).threads).toBe(8)
    expect(settle(2, () => 10).threads).toBe(2)
  })

  test('is the one that is clearly faster', () => {
    expect(settle(8, (threads) => 80 / threads + 4 * threads).threads).toBe(4)
    expect(settle(2, (threads) => 10 * threads).threads).toBe(1)
    expect(settle(6, (threads) => Math.abs(threads - 3) + 1).threads).toBe(3)
  })

  test('is not decided by some slow steps', () => {
    expect(settle(2, (threads, step) => (step % 7 === 0 ? 500 : 20 / threads)).threads).toBe(2)
  })

  test('is one of some, found in few steps, of which only the first are slow', () => {
    const { tried } = settle(8, (threads) => 80 / threads)
    expect(tried.slice(0, 4)).toEqual([8, 4, 2, 1])
    expect(tried.filter((threads) => threads === 1)).toHaveLength(3)
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 256 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        (most, times) => {
          const { threads, tried } = settle(most, () => Number(times.next().value))
          expect(tried).toContain(threads)
          expect(tried.length).toBeLessThanOrEqual(81)
        },
      ),
    )
  })
})
