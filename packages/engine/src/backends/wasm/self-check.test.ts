import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Harness } from '../../testing/harness.ts'
import type { ModuleBuilder } from './emitter/module.ts'

/*
 * On an engine that takes some instructions for others.
 */

const nano = fileURLToPath(new URL('../../../../nano/nano-q8_0.gguf', import.meta.url))

/** Instructions as they are stored, and others of the same operands: `relaxed_dot … add`, `relaxed_dot`, `add` of floats. */
const DOT_OF_FOUR = { is: [0xfd, 0x93, 0x02], becomes: [0xfd, 0x85, 0x02] }
const DOT_OF_TWO = { is: [0xfd, 0x92, 0x02], becomes: [0xfd, 0x80, 0x02] }
const RELAXED_MADD = { is: [0xfd, 0x85, 0x02], becomes: [0xfd, 0x86, 0x02] }
const FLOAT_ADD = { is: [0xfd, 0xe4, 0x01], becomes: [0xfd, 0xe5, 0x01] }
const UNKNOWN = { is: [0xfd, 0x93, 0x02], becomes: [0xfd, 0xff, 0x7f] }

const mistaken = vi.hoisted(() => ({ instructions: [] as { is: number[]; becomes: number[] }[], best: 'bytes' }))

vi.mock('./kernels/kernels.ts', async (original) => {
  const real = await original<typeof import('./kernels/kernels.ts')>()
  const kernelModule: typeof real.kernelModule = (set) => {
    const module = real.kernelModule(set)
    const assemble: ModuleBuilder['assemble'] = (options) => {
      const bytes = module.assemble(options)
      for (const { is, becomes } of mistaken.instructions) replaceAll(bytes, is, becomes)
      return bytes
    }
    return Object.assign(Object.create(module), { assemble })
  }
  return { ...real, kernelModule }
})

vi.mock('./kernels/operands.ts', async (original) => {
  return { ...(await original<typeof import('./kernels/operands.ts')>()), bestOperands: () => mistaken.best }
})

function replaceAll(bytes: Uint8Array, is: readonly number[], becomes: readonly number[]): void {
  for (let at = 0; at + is.length <= bytes.length; at++) {
    if (is.every((byte, i) => bytes[at + i] === byte)) bytes.set(becomes, at)
  }
}

/** Checks and compiled modules are remembered: each engine has its own. */
beforeEach(() => {
  vi.resetModules()
  mistaken.best = 'seven-bits'
  mistaken.instructions = []
})

async function check() {
  const { checkKernels } = await import('./self-check.ts')
  return checkKernels({ types: ['Q8_0', 'Q4_K', 'F32'] })
}

describe('kernels', () => {
  test('of an engine without mistakes are the best', async () => {
    expect(await check()).toMatchObject({ operands: 'seven-bits', failure: undefined })
  })

  test.each([
    ['bytes', [DOT_OF_FOUR], 'seven-bits', 'computes'],
    ['bytes', [UNKNOWN], 'seven-bits', 'does not run'],
    ['bytes', [DOT_OF_TWO, DOT_OF_FOUR], 'lanes', 'computes'],
    ['seven-bits', [DOT_OF_TWO], 'lanes', 'computes'],
    ['seven-bits', [RELAXED_MADD], 'lanes', 'computes'],
  ])('of %s that fail are replaced by simpler ones', async (best, instructions, operands, problem) => {
    mistaken.best = best
    mistaken.instructions = instructions
    const checked = await check()
    expect(checked.operands).toBe(operands)
    expect(checked.failure).toContain(problem)
    expect(await check()).toEqual(checked)
  })

  test('that fail in plain SIMD end in an error', async () => {
    mistaken.instructions = [FLOAT_ADD]
    const failure = expect.objectContaining({
      code: 'kernel-failed',
      remedy: expect.stringContaining('another version'),
    })
    await expect(check()).rejects.toEqual(failure)
    await expect(check()).rejects.toEqual(failure)
  })
})

describe('optimised kernels', () => {
  async function checkOptimised() {
    const { checkOptimised } = await import('./self-check.ts')
    return checkOptimised({ types: ['Q8_0', 'Q4_K'], shared: true, operands: 'seven-bits' })
  }

  test('compute what they should', async () => {
    await expect(checkOptimised()).resolves.toBeUndefined()
  })

  test('that do not end the load, and the remedy is to do without', async () => {
    mistaken.instructions = [DOT_OF_TWO]
    const remedy = 'Load the model without revectorize.'
    await expect(checkOptimised()).rejects.toMatchObject({ code: 'kernel-failed', remedy })
  })
})

async function logitsOf(threads: number) {
  const { wasmBackend } = await import('./backend.ts')
  const harness = await Harness.load(nano, wasmBackend, { threads })
  const logits = await harness.forward([1, 2, 3, 4, 5, 6, 7], harness.cache.create())
  harness.dispose()
  return { logits, notices: harness.notices }
}

test('a model computes with the kernels that are right, on all threads, and says so', async () => {
  const right = await logitsOf(1)
  expect(right.notices).toEqual([])
  mistaken.best = 'bytes'
  mistaken.instructions = [DOT_OF_FOUR]
  vi.resetModules()
  for (const threads of [1, 2]) {
    const { logits, notices } = await logitsOf(threads)
    expect(logits).toEqual(right.logits)
    expect(notices).toEqual([
      expect.stringMatching(/^The kernel linear_Q8_0 computes .* Slower kernels \("seven-bits"\) are used/),
    ])
  }
})
