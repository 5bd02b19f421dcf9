import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../errors.ts'
import { RUNNABLE_TYPES } from '../../../weights/element-type.ts'
import { createBank } from '../bank.ts'
import { listFunction } from '../emitter/listing.ts'
import { checksOfType, OTHER_CHECKS } from '../known-answers.ts'
import { expectAnswer } from '../self-check.ts'
import { TestBench } from '../test-bench.ts'
import { kernelModule } from './kernels.ts'

const CHECKS = [...RUNNABLE_TYPES.flatMap(checksOfType), ...OTHER_CHECKS]

describe.each([false, true])('in shared memory: %s', (shared) => {
  test.each(CHECKS)('$kernel gives the known answer', (check) => {
    expect(() => expectAnswer(new TestBench(createBank(65_536, { shared })), check)).not.toThrow()
  })
})

test('every kernel has a known answer', () => {
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(kernelModule().assemble({ sharedMemory: false })))
  expect(CHECKS.map(({ kernel }) => kernel as string).sort()).toEqual(exported.map(({ name }) => name).sort())
})

test('a wrong answer is named', () => {
  const check = {
    kernel: 'add',
    run: () => ({ actual: Float32Array.from([1, Number.NaN]), expected: [1, 2], tolerance: 0 }),
  } as const
  expect(() => expectAnswer(new TestBench(createBank(65_536)), check)).toThrow(EngineError)
})

describe('emitted bodies', () => {
  test.each(kernelModule().functions)('$name', (builder) => {
    expect(listFunction(builder)).toMatchSnapshot()
  })
})
