import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { describe as describeModel, type ModelDescription } from '../architectures/describe.ts'
import { CACHE_TYPES, PAGE_LENGTH } from '../backends/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { EngineError, OptionError } from '../errors.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { Engine } from './engine.ts'
import { withinMemory } from './memory-budget.ts'
import { compileOptions } from './model-info.ts'
import type { EngineOptions } from './types.ts'

let model: ModelDescription

beforeAll(async () => {
  const checkpoint = await openCheckpoint(MIXTRAL_FOLDER)
  const described = await describeModel(checkpoint)
  // Of a longer context, so that there is something to choose.
  model = { ...described, config: { ...described.config, contextLength: 8192 } }
  await checkpoint.close()
})

function bytesOf(options: EngineOptions): number {
  const { graph, tensors } = model
  const { weights, state, activations } = wasmBackend.measure(graph, tensors, compileOptions(model, options))
  return weights + state + activations
}

describe('withinMemory', () => {
  it('changes nothing without a limit, or where everything fits', () => {
    expect(withinMemory(model, {})).toEqual({ options: {}, notices: [] })
    const memoryLimit = bytesOf({})
    const { options, notices } = withinMemory(model, { memoryLimit })
    expect(options).toMatchObject({ contextLength: 4096, cacheType: 'i16' })
    expect(notices).toEqual([])
  })

  it('keeps the context with smaller keys and values, and says so', () => {
    const { options, notices } = withinMemory(model, { memoryLimit: bytesOf({}) - 1 })
    expect(options).toMatchObject({ contextLength: 4096, cacheType: 'q8_0' })
    expect(notices).toEqual([expect.stringMatching(/^Keys and values are kept as q8_0, to stay within \d+ MB\.$/)])
  })

  it('then takes the longest context that fits', () => {
    const [least, most] = [bytesOf({ contextLength: 512, cacheType: 'q8_0' }), bytesOf({ cacheType: 'q8_0' })]
    fc.assert(
      fc.property(fc.integer({ min: least, max: most - 1 }), (memoryLimit) => {
        const { options, notices } = withinMemory(model, { memoryLimit })
        const { contextLength = 0, cacheType } = options
        expect(cacheType).toBe('q8_0')
        expect(bytesOf(options)).toBeLessThanOrEqual(memoryLimit)
        expect(bytesOf({ ...options, contextLength: contextLength + PAGE_LENGTH })).toBeGreaterThan(memoryLimit)
        expect(notices).toEqual([expect.stringMatching(`^The context has ${contextLength} tokens instead of 4096`)])
      }),
    )
  })

  it('leaves what the caller has chosen', () => {
    for (const cacheType of CACHE_TYPES) {
      const memoryLimit = bytesOf({ contextLength: 2048, cacheType })
      expect(withinMemory(model, { memoryLimit, cacheType }).options).toMatchObject({ contextLength: 2048, cacheType })
    }
    const memoryLimit = bytesOf({ contextLength: 6000, cacheType: 'q8_0' })
    const { options } = withinMemory(model, { memoryLimit, contextLength: 6000 })
    expect(options).toMatchObject({ contextLength: 6000, cacheType: 'q8_0' })
  })

  it('refuses a context that was asked for and does not fit, and says which would', () => {
    const memoryLimit = bytesOf({ contextLength: 1024, cacheType: 'q8_0' })
    expect(() => withinMemory(model, { memoryLimit, contextLength: 6000 })).toThrow(
      expect.objectContaining({
        code: 'out-of-memory',
        field: 'memoryLimit',
        message: expect.stringMatching(/needs \d+ MB \(weights \d+ MB, a context of 6000 tokens as q8_0 \d+ MB, work/),
        remedy: expect.stringContaining('up to 1024 tokens'),
      }),
    )
  })

  it('refuses a model that has no room for a context of any use, with the numbers', () => {
    const memoryLimit = bytesOf({ contextLength: 512, cacheType: 'q8_0' }) - 1
    const refused = () => withinMemory(model, { memoryLimit })
    expect(refused).toThrow(EngineError)
    expect(refused).toThrow(/a context of 512 tokens as q8_0 \d+ MB, work \d+ MB\), but memoryLimit is \d+ MB\./)
  })

  it.each([0, -1, Number.NaN])('refuses a limit of %d', (memoryLimit) => {
    expect(() => withinMemory(model, { memoryLimit })).toThrow(OptionError)
  })
})

describe('a model that is loaded within a limit', () => {
  it('says what it was given', async () => {
    const without = await Engine.load(MIXTRAL_FOLDER, { threads: 1 })
    const { cacheType, memory } = without.info
    without.dispose()
    expect(cacheType).toBe('i16')
    const engine = await Engine.load(MIXTRAL_FOLDER, { threads: 1, memoryLimit: memory.total - 1 })
    const { info } = engine
    engine.dispose()
    expect(info.cacheType).toBe('q8_0')
    expect(info.memory.total).toBeLessThan(memory.total)
    expect(info.notices).toEqual([expect.stringContaining('q8_0')])
  })

  it('is refused with the numbers where the system refuses the memory', async () => {
    const refusal = vi.spyOn(WebAssembly, 'Memory').mockImplementation(function refuse() {
      throw new RangeError('WebAssembly.Memory(): could not allocate memory')
    })
    try {
      await expect(Engine.load(MIXTRAL_FOLDER, { threads: 1 })).rejects.toMatchObject({
        code: 'out-of-memory',
        message: expect.stringMatching(
          /^The system refuses the \d+ MB \(weights \d+ MB, a context of \d+ tokens as i16/,
        ),
        remedy: expect.stringMatching(/and cacheType q8_0 it needs \d+ MB;/),
      })
    } finally {
      refusal.mockRestore()
    }
  })

  it('is refused with the numbers where the machine has less', async () => {
    const limit = vi.spyOn(process, 'constrainedMemory').mockReturnValue(1e5)
    try {
      await expect(Engine.load(MIXTRAL_FOLDER, { threads: 1 })).rejects.toMatchObject({
        code: 'out-of-memory',
        message: expect.stringMatching(/^The model needs \d+ MB \(weights .*\), but this process can have 1 MB\.$/),
      })
    } finally {
      limit.mockRestore()
    }
  })
})
