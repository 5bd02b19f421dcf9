import { EngineError } from '../../errors.ts'
import { CACHE_TYPES } from '../backend.ts'
import { type BankOptions, createBank } from './bank.ts'
import { bestOperands, OPERANDS, type Operands } from './kernels/operands.ts'
import { checksOfCacheType, checksOfType, type KernelCheck, OTHER_CHECKS } from './known-answers.ts'
import { TestBench } from './test-bench.ts'

/** Kernels that compute what they should. */
export interface CheckedKernels {
  /** The best operands with which all of them do. */
  readonly operands: Operands
  /** How many they are. */
  readonly count: number
  /** Where it is not the best operands that this machine has: what went wrong with those. */
  readonly failure: string | undefined
}

/** Which kernels are meant. */
type KernelTypes = Pick<BankOptions, 'types' | 'cacheTypes'>

/** What came of each check, by operands and kernel: undefined where it passed. */
const results = new Map<string, EngineError | undefined>()

/**
 * Runs every kernel of a model once on a tiny shape and compares with known answers: an engine that compiles one of them
 * wrongly must not be trusted with a model. Where one fails, all are taken with simpler operands, down to plain SIMD.
 * Takes some milliseconds, once a process.
 * @throws EngineError `kernel-failed` where plain SIMD fails as well
 */
export function checkKernels(kernels: KernelTypes): CheckedKernels {
  const checks = checksOf(kernels)
  const candidates = OPERANDS.slice(OPERANDS.indexOf(bestOperands()))
  const failures: EngineError[] = []
  for (const operands of candidates) {
    const failure = firstFailure(kernels, checks, operands)
    if (!failure) return { operands, count: checks.length, failure: failures[0]?.message }
    failures.push(failure)
  }
  throw failures[failures.length - 1]
}

const CHECK_BYTES = 2 ** 18

/** Times that all kernels run while the engine optimises them, and milliseconds between: some hundred in all. */
const [ROUNDS, PAUSE] = [8, 40]

/**
 * Runs the kernels of a model's own module again and again until optimised code has taken the place of the first, and
 * compares each time. For optimisations that have been asked for and are not trusted yet.
 * @throws EngineError `kernel-failed`
 */
export async function checkOptimised(options: BankOptions): Promise<void> {
  const bank = createBank(CHECK_BYTES, options)
  for (let round = 0; round < ROUNDS; round++) {
    for (const check of checksOf(options)) {
      const failure = failureOf(check, () => new TestBench(bank))
      if (failure) {
        throw new EngineError('kernel-failed', failure.message, { remedy: 'Load the model without revectorize.' })
      }
      new Uint8Array(bank.memory.buffer).fill(0)
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}

function checksOf({ types = [], cacheTypes = CACHE_TYPES }: KernelTypes): KernelCheck[] {
  return [...[...types].flatMap(checksOfType), ...[...cacheTypes].flatMap(checksOfCacheType), ...OTHER_CHECKS]
}

function firstFailure(
  kernels: KernelTypes,
  checks: readonly KernelCheck[],
  operands: Operands,
): EngineError | undefined {
  for (const check of checks) {
    const key = `${operands} ${check.kernel}`
    if (!results.has(key)) {
      results.set(
        key,
        failureOf(check, () => new TestBench(createBank(CHECK_BYTES, { ...kernels, operands }))),
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
