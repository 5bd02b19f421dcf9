import { EngineError } from '../../errors.ts'
import { RUNNABLE_TYPES } from '../../weights/element-type.ts'
import { createBank } from './bank.ts'
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
  const bench = new TestBench(createBank(CHECK_BYTES))
  for (const check of checks) expectAnswer(bench, check)
  passed = true
}

const CHECK_BYTES = 2 ** 18

/** @throws EngineError `kernel-failed` */
export function expectAnswer(bench: TestBench, { kernel, run }: KernelCheck): void {
  const { actual, expected, tolerance } = run(bench)
  expected.forEach((value, i) => {
    if (Math.abs(actual[i] - value) <= tolerance) return
    throw new EngineError('kernel-failed', `The kernel ${kernel} computes ${actual[i]} where ${value} is right.`, {
      remedy: 'The WebAssembly compiler of this engine is at fault; try another version of it.',
    })
  })
}
