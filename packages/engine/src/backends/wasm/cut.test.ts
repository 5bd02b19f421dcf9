import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describe as describeModel } from '../../architectures/describe.ts'
import { openCheckpoint } from '../../hub/open-checkpoint.ts'
import { concatenate, Harness } from '../../testing/harness.ts'
import { CaseBuilder, type OperationCase } from '../../testing/operation-case.ts'
import { randomTensor } from '../../testing/random-tensors.ts'
import { sharedData } from '../../testing/shared-data.ts'
import type { DecodableType } from '../../weights/element-type.ts'
import type { Batch, CacheType, CompileOptions } from '../backend.ts'
import { wasmBackend } from './backend.ts'
import { planBanks } from './cut.ts'
import { matricesOf, vectorsOf } from './part.ts'
import { type Plan, planMemory } from './plan.ts'

const models = sharedData('refmodels')
const quantised = sharedData('quantised')
const fixture = (name: string) => fileURLToPath(new URL(`../../architectures/fixtures/${name}`, import.meta.url))

interface Way {
  readonly threads?: number
  readonly bankBytes?: number
  readonly adapterPath?: string
  readonly pages?: number
  readonly cacheType?: CacheType
}

const MOST_TOKENS = 16

/** Logits of a prompt of 40 tokens, in batches, and of 30 that follow one by one, into another page. */
async function logitsOf(path: string, { adapterPath, pages = 4, cacheType = 'f16', ...way }: Way) {
  const harness = await Harness.load(path, wasmBackend, { maxTokens: MOST_TOKENS, pages, cacheType, ...way })
  try {
    if (adapterPath) await harness.attach(adapterPath)
    const sequence = harness.cache.create()
    const ids = Array.from({ length: 70 }, (_, i) => (i * 37 + 5) % Math.min(harness.vocabulary, 200))
    const rows = [await harness.forward(ids.slice(0, 40), sequence)]
    for (const id of ids.slice(40)) rows.push(await harness.forward([id], sequence))
    return concatenate(rows)
  } finally {
    harness.dispose()
  }
}

async function planned(path: string, options: Partial<CompileOptions>): Promise<Plan[]> {
  const checkpoint = await openCheckpoint(path)
  const { graph, tensors } = await describeModel(checkpoint)
  await checkpoint.close()
  const defaults = { maxTokens: MOST_TOKENS, maxRows: 16, pages: 4, cacheType: 'f16', threads: 1 } as const
  return planBanks(graph, tensors, { ...defaults, ...options })
}

/** In banks of so much of what the model needs. */
async function expectSameLogits(
  path: string,
  given: Pick<Way, 'adapterPath'> = {},
  shares = [0.9, 0.55, 0.35],
): Promise<void> {
  const expected = await logitsOf(path, given)
  expect(expected.every(Number.isFinite)).toBe(true)
  const [whole] = await planned(path, {})
  for (const threads of [1, 2]) {
    for (const share of shares) {
      const bankBytes = Math.floor(share * whole.bytes)
      expect((await planned(path, { threads, bankBytes })).length).toBeGreaterThan(1)
      expect(await logitsOf(path, { threads, bankBytes, ...given }), `${threads} ${share}`).toEqual(expected)
    }
  }
}

const REFMODELS = ['llama-plain', 'llama3-scaled', 'qwen2', 'qwen2-yarn', 'qwen3', 'qwen3-moe']

describe('several banks give the same logits as one, to the bit', () => {
  test.skipIf(!models).each(REFMODELS)('of %s', (model) => expectSameLogits(`${models}/${model}/${model}.f32.gguf`))

  test.each(['mixtral', 'qwen3-moe-mixed', 'qwen3-fp8'])('of %s', (model) => {
    return expectSameLogits(fixture(model), {}, [0.9, 0.6])
  })

  test.skipIf(!quantised).each(['Q8_0', 'Q4_0', 'Q4_K_M', 'MXFP4_MOE'])('of %s', (type) => {
    return expectSameLogits(`${quantised}/qwen3.${type}.gguf`)
  })

  test.skipIf(!models)('with an adapter', () => {
    return expectSameLogits(`${models}/qwen3`, { adapterPath: fixture('adapters/qwen3-everywhere') })
  })

  test.skipIf(!models).each(REFMODELS)('of %s in 8 MiB each, at a long context', async (model) => {
    const path = `${models}/${model}`
    const pages = model === 'llama-plain' || model.startsWith('qwen2') ? 224 : 112
    const [given, bankBytes] = [{ pages, cacheType: 'f32' as const }, 8 * 2 ** 20]
    expect((await planned(path, { ...given, bankBytes })).length).toBeGreaterThan(1)
    const expected = await logitsOf(path, given)
    for (const threads of [1, 2]) expect(await logitsOf(path, { ...given, bankBytes, threads })).toEqual(expected)
  })

  test.skipIf(!models)('where the experts of a layer are in several banks', async () => {
    const path = `${models}/qwen3-moe/qwen3-moe.f32.gguf`
    const options = { bankBytes: 300_000 }
    const shares = (await planned(path, options)).flatMap(({ parts }) => parts.flatMap(({ share }) => share ?? []))
    expect(shares.filter(({ isHome }) => !isHome).length).toBeGreaterThanOrEqual(4)
    const expected = await logitsOf(path, {})
    for (const threads of [1, 2, 3]) expect(await logitsOf(path, { ...options, threads })).toEqual(expected)
  })

  test.skipIf(!models)('of banks of any size', async () => {
    const path = `${models}/qwen3-moe`
    const expected = await logitsOf(path, {})
    const [whole] = await planned(path, {})
    const sizes = fc.integer({ min: 150_000, max: whole.bytes - 1 })
    await fc.assert(
      fc.asyncProperty(sizes, async (bankBytes) => {
        expect(await logitsOf(path, { bankBytes })).toEqual(expected)
      }),
      { numRuns: 15 },
    )
  })
})

test('pages move between models that are cut elsewhere, and within one', async () => {
  const values = randomGraph([
    { kind: 3, left: 0, right: 1 },
    { kind: 4, left: 5, right: 0 },
    { kind: 3, left: 2, right: 0 },
  ])
  const { graph, tensors } = values
  const options = { ...OPTIONS, pages: 2 }
  const bankBytes = bankBytesOf(values, 0.2)
  expect(planBanks(graph, tensors, { ...options, bankBytes }).length).toBeGreaterThan(2)
  const whole = wasmBackend.compile(graph, tensors, options)
  const cut = wasmBackend.compile(graph, tensors, { ...options, bankBytes })
  for (const model of [whole, cut]) await model.load(tensors)
  expect([cut.pageLayout, cut.pageBytes]).toEqual([whole.pageLayout, whole.pageBytes])
  await whole.step(BATCH)
  const page = new Uint8Array(whole.pageBytes)
  whole.readPage(0, 4, page)
  cut.writePage(0, page)
  cut.copyPage(0, 1, 4)
  const back = new Uint8Array(page.length)
  cut.readPage(1, 4, back)
  expect(back).toEqual(page)
  const next: Batch = {
    ...{ ids: Int32Array.of(5), positions: Int32Array.of(4), sequences: Int32Array.of(0) },
    ...{ pageTables: [Int32Array.of(1)], outputRows: Int32Array.of(0) },
  }
  const expected = (await whole.step({ ...next, pageTables: [Int32Array.of(0)] })).slice()
  expect(await cut.step(next)).toEqual(expected)
})

const WIDTH = 64

/** What an operation of a random graph is, by numbers: its kind, and which of the values before it it reads. */
const operations = fc.array(fc.record({ kind: fc.nat(4), left: fc.nat(), right: fc.nat() }), {
  minLength: 3,
  maxLength: 14,
})

/** Operations in any order over any values before them: nothing like a decoder. */
function randomGraph(recipe: readonly { kind: number; left: number; right: number }[]): OperationCase {
  const builder = new CaseBuilder()
  const { recorder } = builder
  const weight = (name: string, type: DecodableType, shape: number[], seed: number) => {
    return builder.weight(randomTensor(name, type, shape, seed))
  }
  const values = [builder.input('first', WIDTH, 20), builder.input('second', WIDTH, 20)]
  recipe.forEach(({ kind, left, right }, i) => {
    const [a, b] = [left, right].map((index) => values[index % values.length])
    const name = `op${i}`
    const normal = recorder.normalize(a, weight(`${name}.norm`, 'F32', [WIDTH], i), 1e-6, `${name}.normal`)
    values.push(normal)
    if (kind === 0) values.push(recorder.add(normal, b, name))
    if (kind === 1) values.push(recorder.linear(normal, weight(`${name}.w`, 'Q8_0', [WIDTH, WIDTH], i), name))
    if (kind === 2) values.push(recorder.gatedActivation(normal, b, 'silu', name))
    if (kind === 3) {
      const state = recorder.keyValueState(2, 32)
      values.push(recorder.attention(normal, a, b, { state, heads: 2, scale: 0.1 }, name))
    }
    if (kind !== 4) return
    const types: DecodableType[] = ['Q8_0', 'F32', 'Q4_0']
    const experts = types.map((type, e) => {
      const part = (of: string, shape: number[]) => weight(`${name}.${e}.${of}`, type, shape, 10 * i + e)
      return { gate: part('gate', [32, WIDTH]), up: part('up', [32, WIDTH]), down: part('down', [WIDTH, 32]) }
    })
    const router = weight(`${name}.router`, 'F32', [3, WIDTH], i)
    values.push(recorder.experts(normal, { router, experts, used: 2, normalise: i % 2 === 0 }, name))
  })
  const rows = recorder.selectRows(values[values.length - 1], 'rows')
  // With the table of the first operation, as where embedding and head are tied.
  const table = { name: 'first.table', rows: 20, columns: WIDTH }
  return builder.finish(recorder.linear(rows, table, 'logits'))
}

const OPTIONS: CompileOptions = { maxTokens: 4, maxRows: 2, pages: 1, cacheType: 'f16', threads: 1 }
const BATCH: Batch = {
  ...{ ids: Int32Array.of(3, 1, 19, 7), positions: Int32Array.of(0, 1, 2, 3), sequences: new Int32Array(4) },
  ...{ pageTables: [Int32Array.of(0)], outputRows: Int32Array.of(1, 3) },
}

/** Every value of a graph, as tapped, and the logits at the end. */
async function valuesOf({ graph, tensors }: OperationCase, options: CompileOptions) {
  const model = wasmBackend.compile(graph, tensors, options)
  await model.load(tensors)
  const seen: [string, Float32Array][] = []
  const logits = await model.step(BATCH, (name, values) => seen.push([name, values.slice()]))
  return [...seen, ['', (await model.step(BATCH)).slice()], ['tapped', logits.slice()]]
}

const graphsAndSizes = fc.tuple(operations, fc.double({ min: 0, max: 1, noNaN: true }))

/** A size between the least that works and that of the whole. */
function bankBytesOf({ graph, tensors }: OperationCase, share: number): number {
  const whole = planMemory(graph, tensors, OPTIONS).bytes
  let least = whole
  const works = (bankBytes: number) => {
    try {
      return planBanks(graph, tensors, { ...OPTIONS, bankBytes }).length > 0
    } catch {
      return false
    }
  }
  while (least > 1024 && works(Math.floor(least * 0.8))) least = Math.floor(least * 0.8)
  return Math.floor(least + share * (whole - least))
}

test('any graph, cut anywhere, computes the same', async () => {
  let cuts = 0
  await fc.assert(
    fc.asyncProperty(graphsAndSizes, async ([recipe, share]) => {
      const random = randomGraph(recipe)
      const bankBytes = bankBytesOf(random, share)
      cuts += planBanks(random.graph, random.tensors, { ...OPTIONS, bankBytes }).length - 1
      const expected = await valuesOf(random, OPTIONS)
      expect(await valuesOf(random, { ...OPTIONS, bankBytes })).toEqual(expected)
    }),
    { numRuns: 60 },
  )
  expect(cuts).toBeGreaterThan(60)
})

test('every bank is as large as allowed at most, and everything is in one of them, once', () => {
  fc.assert(
    fc.property(graphsAndSizes, ([recipe, share]) => {
      const { graph, tensors } = randomGraph(recipe)
      const bankBytes = bankBytesOf({ graph, tensors }, share)
      const plans = planBanks(graph, tensors, { ...OPTIONS, bankBytes })
      for (const { bytes } of plans) expect(bytes).toBeLessThanOrEqual(bankBytes)
      const weights = plans.flatMap(({ matrices, vectors }) => [...matrices.keys(), ...vectors.keys()])
      expect(weights.toSorted()).toEqual(graph.weights.map(({ name }) => name).toSorted())
      const parts = plans.flatMap((plan) => plan.parts)
      const outputs = parts.filter(({ share }) => share?.isHome ?? true).map(({ time }) => time)
      expect(outputs.toSorted((a, b) => a - b)).toEqual([...graph.operations.keys()])
      const read = parts.flatMap((part) => [...matricesOf(part), ...vectorsOf(part)])
      expect(new Set(read.map(({ name }) => name)).size).toBe(graph.weights.length)
      const whole = planMemory(graph, tensors, OPTIONS)
      const state = plans.reduce((sum, { memory }) => sum + memory.state, 0)
      expect(state).toBe(whole.memory.state)
    }),
    { numRuns: 60 },
  )
})
