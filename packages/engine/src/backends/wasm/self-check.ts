import { EngineError } from '../../errors.ts'
import { RUNNABLE_TYPES } from '../../weights/element-type.ts'
import { type Bank, createBank } from './bank.ts'
import { checksOfType, type KernelCheck, OTHER_CHECKS } from './known-answers.ts'
import { TestBench } from './test-bench.ts'

let passed = false

/**
 * Runs every kernel once on a tiny shape and compares with known answers: an engine that compiles one of them wrongly
 * must not be trusted with a model. Takes some milliseconds, once a process.
 * @throws EngineError `kernel-failed`
 */
export function checkKernels(): void {
  if (passed) return
  const checks = [...RUNNABLE_TYPES.flatMap(checksOfType), ...OTHER_CHECKS]
  for (const check of checks) expectAnswer(createBank(CHECK_BYTES), check)
  passed = true
}

const CHECK_BYTES = 65_536

/** @throws EngineError `kernel-failed` */
export function expectAnswer(bank: Bank, { kernel, run }: KernelCheck): void {
  const { actual, expected, tolerance } = run(new TestBench(bank))
  expected.forEach((value, i) => {
    if (Math.abs(actual[i] - value) <= tolerance) return
    throw new EngineError('kernel-failed', `The kernel ${kernel} computes ${actual[i]} where ${value} is right.`, {
      remedy: 'The WebAssembly compiler of this engine is at fault; try another version of it.',
    })
  })
}
