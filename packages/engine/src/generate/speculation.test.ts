import { describe, expect, it } from 'vitest'
import { Speculation } from './speculation.ts'

const REPEATING = [1, 2, 3, 4, 5, 6, 1, 2, 3]

/** Lets a step without guesses take 10 ms, and asks after each whether there are guesses. */
function plainStepsUntilGuess(speculation: Speculation): number {
  for (let steps = 0; ; steps++) {
    if (speculation.guess(8).length > 0) return steps
    speculation.measured(0, 1, 10)
  }
}

describe('Speculation', () => {
  it('measures a few steps first, and then guesses', () => {
    const speculation = new Speculation(REPEATING)
    expect(plainStepsUntilGuess(speculation)).toBe(4)
    expect(speculation.guess(8)).toEqual([4, 5, 6])
    expect(speculation.guess(2)).toEqual([4, 5])
    expect(speculation.guess(0)).toEqual([])
  })

  it('knows the tokens that have joined the text', () => {
    const speculation = new Speculation(REPEATING)
    plainStepsUntilGuess(speculation)
    speculation.follow([4, 5])
    expect(speculation.guess(8)).toEqual([6, 1, 2])
    speculation.follow([9])
    expect(speculation.guess(8)).toEqual([])
  })

  it('goes on while a token takes less time than without, and gets over one wrong guess', () => {
    const speculation = new Speculation(REPEATING)
    plainStepsUntilGuess(speculation)
    for (let step = 0; step < 20; step++) {
      speculation.measured(3, step % 5 === 4 ? 1 : 4, 24)
      expect(speculation.guess(8)).not.toEqual([])
    }
  })

  it('rests ever longer where it does not pay, up to 64 steps, and less once it has paid', () => {
    const speculation = new Speculation(REPEATING)
    plainStepsUntilGuess(speculation)
    const rests = [2, 1, 2, 1, 2, 1].map((tokens) => {
      speculation.measured(3, tokens, 24)
      return plainStepsUntilGuess(speculation)
    })
    expect(rests).toEqual([4, 8, 16, 32, 64, 64])
    speculation.measured(3, 4, 24)
    speculation.measured(3, 1, 240)
    expect(plainStepsUntilGuess(speculation)).toBe(4)
  })
})
