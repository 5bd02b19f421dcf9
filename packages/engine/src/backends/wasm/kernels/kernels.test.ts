import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../errors.ts'
import { DECODABLE_TYPES } from '../../../weights/element-type.ts'
import { createBank } from '../bank.ts'
import { listFunction } from '../emitter/listing.ts'
import { checksOfType, OTHER_CHECKS } from '../known-answers.ts'
import { expectAnswer } from '../self-check.ts'
import { TestBench } from '../test-bench.ts'
import { kernelModule } from './kernels.ts'

const CHECKS = [...DECODABLE_TYPES.flatMap(checksOfType), ...OTHER_CHECKS]

describe.each([false, true])('in shared memory: %s', (shared) => {
  test.each(CHECKS)('$kernel gives the known answer', (check) => {
    expect(() =>
      expectAnswer(new TestBench(createBank(2 ** 18, { types: DECODABLE_TYPES, shared })), check),
    ).not.toThrow()
  })
})

test('every kernel has a known answer', () => {
  const exported = WebAssembly.Module.exports(
    new WebAssembly.Module(kernelModule(DECODABLE_TYPES).assemble({ sharedMemory: false })),
  )
  expect(CHECKS.map(({ kernel }) => kernel as string).sort()).toEqual(exported.map(({ name }) => name).sort())
})

test('a wrong answer is named', () => {
  const check = {
    kernel: 'add',
    run: () => ({ actual: Float32Array.from([1, Number.NaN]), expected: [1, 2], tolerance: 0 }),
  } as const
  expect(() => expectAnswer(new TestBench(createBank(65_536)), check)).toThrow(EngineError)
})

/** A type of each kind, and of a matrix product the narrowest tile: the others say the same several times. */
const LISTED = kernelModule(['F16', 'Q4_K', 'Q6_K', 'IQ4_NL']).functions.filter(({ name }) => !/tile_[24]$/.test(name))

describe('emitted bodies', () => {
  test.each(LISTED)('$name', (builder) => {
    expect(listFunction(builder)).toMatchSnapshot()
  })
})
