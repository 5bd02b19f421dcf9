import { expect, it } from 'vitest'
import { summary } from './test-summary.js'

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((test) => ({ status: test })),
})

it('counts tests, not files', () => {
  expect(summary({ testResults: [file('passed', 'passed', 'passed'), file('failed', 'passed', 'failed')] })).toBe(
    '3 passed, 1 failed',
  )
})

it('says how many were skipped or are still to be written', () => {
  expect(summary({ testResults: [file('passed', 'passed', 'pending', 'skipped', 'todo')] })).toBe(
    '1 passed, 0 failed, 3 skipped',
  )
})

it('counts a file that does not load as a failure', () => {
  expect(summary({ testResults: [file('passed', 'passed'), file('failed')] })).toBe('1 passed, 1 failed')
})
