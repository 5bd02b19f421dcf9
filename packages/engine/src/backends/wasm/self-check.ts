import { EngineError } from '../../errors.ts'
import type { DecodableType } from '../../weights/element-type.ts'
import { createBank, type KernelName } from './bank.ts'
import { checksOfType, type KernelCheck, OTHER_CHECKS } from './known-answers.ts'
import { TestBench } from './test-bench.ts'

const passed = new Set<KernelName>()

/**
 * Runs every kernel of a model once on a tiny shape and compares with known answers: an engine that compiles one of them
 * wrongly must not be trusted with a model. Takes some milliseconds, once a process.
 * @returns how many have been checked so far
 * @throws EngineError `kernel-failed`
 */
export function checkKernels(types: Iterable<DecodableType>): number {
  const list = [...types]
  const checks = [...list.flatMap(checksOfType), ...OTHER_CHECKS].filter(({ kernel }) => !passed.has(kernel))
  if (checks.length === 0) return passed.size
  for (const check of checks) {
    expectAnswer(new TestBench(createBank(CHECK_BYTES, { types: list })), check)
    passed.add(check.kernel)
  }
  return passed.size
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
