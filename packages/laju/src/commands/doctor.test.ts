import { type Device, examineDevice } from '@laju/engine'
import { describe, expect, it } from 'vitest'
import { findingsOf } from '../doctor/findings.ts'
import { fitsOf, longestContext } from '../doctor/fits.ts'
import { main } from '../main.ts'
import { captureOutput } from '../testing/captured-output.ts'
import { sharedData } from '../testing/shared-data.ts'

const MODEL = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''

const output = captureOutput()

describe('laju doctor', () => {
  it('looks at the device, and has every kernel compute', async () => {
    expect(await main(['doctor', '--json'])).toBe(0)
    const { device, model, fits } = JSON.parse(output.stdout)
    expect(model).toBeNull()
    expect(device.kernels.failure).toBeNull()
    expect(device.kernels.right).toBeGreaterThan(60)
    expect(device.webAssembly.simd).toBe(true)
    expect(device.threads).toMatchObject({ count: expect.any(Number), sharedMemory: true })
    expect(device.memory.available).toBeLessThanOrEqual(device.memory.total)
    expect(fits).toContainEqual({ name: 'qwen3:0.6b', bytes: expect.any(Number), fits: expect.any(Boolean) })
  })

  it('prints a table for people', async () => {
    expect(await main(['doctor'])).toBe(0)
    expect(output.stdout).toMatch(/^kernels +\d+ compute what they should$/m)
    expect(output.stdout).toMatch(/^fits +nano/m)
    expect(output.stdout).not.toMatch(/NaN|undefined/)
  })

  it.skipIf(MODEL === '')('says whether a model fits', async () => {
    expect(await main(['doctor', MODEL])).toBe(0)
    expect(output.stdout).toMatch(
      /^fits +yes: it takes .* MB with [\d,]+ tokens of context, .*; --context \d+ is the longest/m,
    )
    expect(output.stdout).toMatch(/^it would run on +1 thread$/m)
    expect(output.stderr).toBe('')
  })
})

describe('what makes models slow', () => {
  const findings = async (change: (device: Device) => object) => {
    const device = await examineDevice()
    const quiet: Device = {
      machine: { ...device.machine, runtime: 'Node v24.0.0' },
      processors: { present: 4, usable: 4, quota: undefined, throttled: 0, load: 0 },
      threads: { count: 4, writing: undefined, bytesEach: 1, sharedMemory: true },
      webAssembly: { simd: true, relaxedSimd: true, operands: 'seven-bits' },
      memory: { total: 8e9, available: 6e9, swapped: 0 },
      kernels: { right: 70, failure: undefined },
    }
    return findingsOf({ ...quiet, ...change(quiet) })
  }

  it('is nothing where nothing is amiss', async () => {
    expect(await findings(() => ({}))).toEqual([])
  })

  it.each<[string, (device: Device) => object]>([
    ['only one processor', ({ processors }) => ({ processors: { ...processors, present: 1, usable: 1 } })],
    ['Only 2 of 4 processors', ({ processors }) => ({ processors: { ...processors, usable: 2 } })],
    ['the time of 1.5 processors, and', (d) => ({ processors: { ...d.processors, quota: 1.5, throttled: 0.4 } })],
    ['Other programs are busy', ({ processors }) => ({ processors: { ...processors, load: 7 } })],
    ['no SIMD', () => ({ webAssembly: { simd: false, relaxedSimd: false, operands: 'lanes' } })],
    ['no relaxed SIMD', () => ({ webAssembly: { simd: true, relaxedSimd: false, operands: 'lanes' } })],
    ['cannot share memory', ({ threads }) => ({ threads: { ...threads, sharedMemory: false } })],
    ['computes wrongly', () => ({ kernels: { right: 0, failure: 'The kernel add computes 1.' } })],
    ['Node v22.18.0 is older', ({ machine }) => ({ machine: { ...machine, runtime: 'Node v22.18.0' } })],
    ['moved to the disk', ({ memory }) => ({ memory: { ...memory, swapped: 2e9 } })],
    ['Only 500 MB of memory', ({ memory }) => ({ memory: { ...memory, available: 5e8 } })],
  ])('%s', async (problem, change) => {
    const found = await findings(change)
    expect(found).toHaveLength(1)
    expect(found[0]?.problem).toContain(problem)
    expect(found[0]?.remedy).toMatch(/\.$/)
  })
})

it('tells what to do about kernels that were replaced, and about none that work', async () => {
  const { kernels, ...device } = await examineDevice()
  const failure = 'The kernel add computes 1 where 2 is right.'
  const remedies = (right: number) =>
    findingsOf({ ...device, kernels: { ...kernels, right, failure } }).flatMap(({ problem, remedy }) => {
      return problem.includes(failure) ? [remedy] : []
    })
  expect(remedies(69)).toEqual(['Use another version of Node; until then slower kernels are used.'])
  expect(remedies(0)).toEqual(['Use another version of Node; until then --backend reference, which is slow.'])
})

describe('what fits', () => {
  it('grows with the room', () => {
    const names = (room: number) => fitsOf(room).flatMap(({ name, fits }) => (fits ? [name] : []))
    expect(names(0)).toEqual([])
    expect(names(1e9)).toContain('smollm2:360m')
    expect(names(1e9)).not.toContain('qwen3:1.7b')
    expect(names(2 ** 32)).toEqual(fitsOf(0).map(({ name }) => name))
  })

  it('is a context of what the weights leave', () => {
    const memory = { weights: 100, activations: 20, cache: 400, total: 520 }
    const info = { memory, contextLength: 40, trainedContextLength: 1000 } as Parameters<typeof longestContext>[0]
    expect(longestContext(info, 120 + 10 * 77)).toBe(77)
    expect(longestContext(info, 1e6)).toBe(1000)
    expect(longestContext(info, 110)).toBe(0)
  })
})
