import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../errors.ts'
import { DECODABLE_TYPES } from '../../../weights/element-type.ts'
import { CACHE_TYPES } from '../../backend.ts'
import { createBank, openBank } from '../bank.ts'
import { listFunction } from '../emitter/listing.ts'
import { checksOfCacheType, checksOfType, OTHER_CHECKS } from '../known-answers.ts'
import { expectAnswer } from '../self-check.ts'
import { TestBench } from '../test-bench.ts'
import { kernelModule } from './kernels.ts'
import { bestOperands } from './operands.ts'

const CHECKS = [...DECODABLE_TYPES.flatMap(checksOfType), ...CACHE_TYPES.flatMap(checksOfCacheType), ...OTHER_CHECKS]
const ALL = { types: DECODABLE_TYPES, cacheTypes: CACHE_TYPES, operands: 'lanes' } as const

/** What this machine has: all of them, but for bytes on one without VNNI. */
const OPERANDS = (['lanes', 'seven-bits', 'bytes'] as const).slice(
  0,
  1 + ['lanes', 'seven-bits', 'bytes'].indexOf(bestOperands()),
)

describe.each(OPERANDS)('with operands of %s', (operands) => {
  test.each(CHECKS)('$kernel gives the known answer', (check) => {
    const bench = new TestBench(createBank(2 ** 18, { types: DECODABLE_TYPES, operands }))
    expect(() => expectAnswer(bench, check)).not.toThrow()
  })
})

test.each(CHECKS)('$kernel gives the known answer with fences', (check) => {
  const module = new WebAssembly.Module(kernelModule({ ...ALL, fenced: true }).assemble({ sharedMemory: false }))
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 })
  expect(() => expectAnswer(new TestBench(openBank(memory, module)), check)).not.toThrow()
})

test.each(CHECKS)('$kernel gives the known answer in shared memory', (check) => {
  const bench = new TestBench(createBank(2 ** 18, { types: DECODABLE_TYPES, shared: true }))
  expect(() => expectAnswer(bench, check)).not.toThrow()
})

test('every kernel has a known answer', () => {
  const exported = WebAssembly.Module.exports(
    new WebAssembly.Module(kernelModule({ ...ALL, fenced: false }).assemble({ sharedMemory: false })),
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
const LISTED = kernelModule({
  ...{ types: ['F16', 'Q4_K', 'Q6_K', 'IQ4_NL'], cacheTypes: ['f16', 'i16'] },
  ...{ operands: 'lanes', fenced: false },
}).functions.filter(({ name }) => !/tile_[24]$/.test(name))

describe('emitted bodies', () => {
  test.each(LISTED)('$name', (builder) => {
    expect(listFunction(builder)).toMatchSnapshot()
  })
})
