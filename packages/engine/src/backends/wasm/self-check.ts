import { EngineError } from '../../errors.ts'
import type { DecodableType } from '../../weights/element-type.ts'
import { createBank } from './bank.ts'
import { bestOperands, OPERANDS, type Operands } from './kernels/operands.ts'
import { checksOfType, type KernelCheck, OTHER_CHECKS } from './known-answers.ts'
import { TestBench } from './test-bench.ts'

/** The kernels for some types of weights that compute what they should. */
export interface CheckedKernels {
  /** The best operands with which all of them do. */
  readonly operands: Operands
  /** How many they are. */
  readonly count: number
  /** Where it is not the best operands that this machine has: what went wrong with those. */
  readonly failure: string | undefined
}

/** What came of each check, by operands and kernel: undefined where it passed. */
const results = new Map<string, EngineError | undefined>()

/**
 * Runs every kernel of a model once on a tiny shape and compares with known answers: an engine that compiles one of them
 * wrongly must not be trusted with a model. Where one fails, all are taken with simpler operands, down to plain SIMD.
 * Takes some milliseconds, once a process.
 * @throws EngineError `kernel-failed` where plain SIMD fails as well
 */
export function checkKernels(types: Iterable<DecodableType>): CheckedKernels {
  const list = [...types]
  const checks = [...list.flatMap(checksOfType), ...OTHER_CHECKS]
  const candidates = OPERANDS.slice(OPERANDS.indexOf(bestOperands()))
  const failures: EngineError[] = []
  for (const operands of candidates) {
    const failure = firstFailure(list, checks, operands)
    if (!failure) return { operands, count: checks.length, failure: failures[0]?.message }
    failures.push(failure)
  }
  throw failures[failures.length - 1]
}

const CHECK_BYTES = 2 ** 18

function firstFailure(
  types: readonly DecodableType[],
  checks: readonly KernelCheck[],
  operands: Operands,
): EngineError | undefined {
  for (const check of checks) {
    const key = `${operands} ${check.kernel}`
    if (!results.has(key)) {
      results.set(
        key,
        failureOf(check, () => new TestBench(createBank(CHECK_BYTES, { types, operands }))),
      )
    }
    const failure = results.get(key)
    if (failure) return failure
  }
  return undefined
}

/** What an engine says that refuses a module, or stops in it, is a wrong answer as well. Lack of memory is none. */
function failureOf(check: KernelCheck, bench: () => TestBench): EngineError | undefined {
  try {
    expectAnswer(bench(), check)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'kernel-failed') return error
    const { CompileError, RuntimeError } = WebAssembly
    if (!(error instanceof CompileError || error instanceof RuntimeError)) throw error
    return kernelFailed(`The kernel ${check.kernel} does not run: ${error.message}.`)
  }
  return undefined
}

/** @throws EngineError `kernel-failed` */
export function expectAnswer(bench: TestBench, { kernel, run }: KernelCheck): void {
  const { actual, expected, tolerance } = run(bench)
  expected.forEach((value, i) => {
    if (Math.abs(actual[i] - value) <= tolerance) return
    throw kernelFailed(`The kernel ${kernel} computes ${actual[i]} where ${value} is right.`)
  })
}

function kernelFailed(message: string): EngineError {
  return new EngineError('kernel-failed', message, {
    remedy: 'The WebAssembly compiler of this engine is at fault; try another version of it.',
  })
}
