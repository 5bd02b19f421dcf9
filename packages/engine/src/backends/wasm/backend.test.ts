import { describe, expect, test } from 'vitest'
import type { Graph, Weight } from '../../graph/operations.ts'
import { Recorder } from '../../graph/recorder.ts'
import { randomTensor } from '../../testing/random-tensors.ts'
import type { DecodableType } from '../../weights/element-type.ts'
import type { Tensor } from '../../weights/tensor.ts'
import type { Batch, CompileOptions } from '../backend.ts'
import { wasmBackend } from './backend.ts'
import { createBank } from './bank.ts'
import { BatchInputs } from './batch-inputs.ts'
import { compileGraph } from './compile.ts'
import { viewsOf } from './layout/pack.ts'
import { planMemory } from './plan.ts'

const OPTIONS: CompileOptions = { maxTokens: 8, maxRows: 2, pages: 2, cacheType: 'f16', threads: 1 }
const [WIDTH, VOCABULARY] = [64, 20]

/** A decoder of some layers, as small as can be. */
function decoder(layers: number, type: DecodableType = 'Q8_0'): { graph: Graph; tensors: Map<string, Tensor> } {
  const tensors = new Map<string, Tensor>()
  const weight = (name: string, rows: number, columns: number): Weight => {
    tensors.set(name, randomTensor(name, rows === 1 ? 'F32' : type, rows === 1 ? [columns] : [rows, columns], rows))
    return { name, rows, columns }
  }
  const recorder = new Recorder()
  const embedding = weight('embedding', VOCABULARY, WIDTH)
  let x = recorder.embedding(embedding, 'embedded')
  for (let layer = 0; layer < layers; layer++) {
    const part = (name: string): string => `blk.${layer}.${name}`
    const normal = recorder.normalize(x, weight(part('norm'), 1, WIDTH), 1e-6, part('normal'))
    const [query, key, value] = ['query', 'key', 'value'].map((name) => {
      return recorder.linear(normal, weight(part(`${name}.weight`), WIDTH, WIDTH), part(name))
    })
    const state = recorder.keyValueState(2, 32)
    const attended = recorder.attention(query, key, value, { state, heads: 2, scale: 0.1 }, part('attended'))
    x = recorder.add(x, attended, part('sum'))
  }
  const rows = recorder.selectRows(x, 'rows')
  return { graph: recorder.finish(recorder.linear(rows, embedding, 'logits')), tensors }
}

function batch(count: number, outputRows = [count - 1]): Batch {
  const positions = Int32Array.from({ length: count }, (_, i) => i)
  return {
    ...{ ids: positions, positions, sequences: new Int32Array(count) },
    ...{ pageTables: [Int32Array.from([1])], outputRows: Int32Array.from(outputRows) },
  }
}

async function loaded(layers = 1) {
  const { graph, tensors } = decoder(layers)
  const model = wasmBackend.compile(graph, tensors, OPTIONS)
  await model.load(tensors)
  return model
}

describe('memory', () => {
  test('is what was measured, and weights take what they take in the file', () => {
    const { graph, tensors } = decoder(3)
    const need = wasmBackend.measure(graph, tensors, OPTIONS)
    expect(wasmBackend.compile(graph, tensors, OPTIONS).memory).toEqual(need)
    const stored = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(need.weights).toBeGreaterThanOrEqual(stored)
    // Rows filled up to whole groups, and addresses to cache lines.
    expect(need.weights).toBeLessThan(stored + 4 * 34 * 2 + 64 * (tensors.size + 1))
  })

  test('of activations does not grow with the layers', () => {
    const [few, many] = [decoder(2), decoder(9)].map(({ graph, tensors }) => planMemory(graph, tensors, OPTIONS))
    expect(many.memory.activations).toBe(few.memory.activations)
  })

  test('of a single operation beyond 4 GiB is refused before anything is read, but can be measured', () => {
    const { graph, tensors } = decoder(1)
    const options = { ...OPTIONS, pages: 2 ** 20 }
    const compile = () => wasmBackend.compile(graph, tensors, options)
    expect(compile).toThrow(expect.objectContaining({ code: 'out-of-memory' }))
    expect(compile).toThrow(/^blk\.0\.attended alone needs 17,\d\d\d MB, but a memory holds at most 4,294 MB\.$/)
    expect(wasmBackend.measure(graph, tensors, options).state).toBe(16 * 2 ** 30)
  })
})

test('linears with one input share its quantised form', () => {
  const { graph, tensors } = decoder(2)
  const plan = planMemory(graph, tensors, OPTIONS)
  const bank = createBank(plan.bytes, plan)
  const inputs = new BatchInputs(plan, OPTIONS, VOCABULARY, viewsOf(bank.memory.buffer))
  const instructions = compileGraph(graph, [{ plan, bank }], inputs, 'f16')
  // Besides one for each operation: in each layer the append and one quantisation, and one before the logits.
  expect(instructions.length).toBe(graph.operations.length + 2 * 2 + 1)
})

describe('loading', () => {
  test('reports the bytes read', async () => {
    const { graph, tensors } = decoder(1)
    const model = wasmBackend.compile(graph, tensors, OPTIONS)
    const reported: number[] = []
    await model.load(tensors, { onProgress: (bytes) => reported.push(bytes) })
    expect(reported).toEqual(reported.toSorted((a, b) => a - b))
    expect(reported.at(-1)).toBe([...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0))
  })

  test('ends when aborted', async () => {
    const { graph, tensors } = decoder(1)
    const model = wasmBackend.compile(graph, tensors, OPTIONS)
    await expect(model.load(tensors, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
  })

  test.each([
    ['embedding', [VOCABULARY, 2 * WIDTH]],
    ['blk.0.norm', [WIDTH + 32]],
  ])('refuses another %s than compiled for', async (name, shape) => {
    const { graph, tensors } = decoder(1)
    const model = wasmBackend.compile(graph, tensors, OPTIONS)
    const other = new Map(tensors).set(name, randomTensor(name, shape.length === 1 ? 'F32' : 'Q8_0', shape, 1))
    await expect(model.load(other)).rejects.toMatchObject({ code: 'invalid-checkpoint', field: name })
  })

  test('needs every tensor, in a type that can be decoded', () => {
    const { graph, tensors } = decoder(1)
    const [tensor] = tensors.values()
    const compile = (others: Map<string, Tensor>) => () => wasmBackend.compile(graph, others, OPTIONS)
    const missing = new Map(tensors)
    missing.delete(tensor.name)
    expect(compile(missing)).toThrow(expect.objectContaining({ code: 'invalid-checkpoint', field: 'embedding' }))
    const unknown = new Map(tensors).set(tensor.name, { ...tensor, type: 'I8' })
    expect(compile(unknown)).toThrow(expect.objectContaining({ code: 'unsupported-type', field: 'embedding' }))
  })
})

describe('a step', () => {
  test('gives logits for the rows asked for, none included', async () => {
    const model = await loaded()
    expect((await model.step(batch(3, [0, 2]))).length).toBe(2 * VOCABULARY)
    expect((await model.step(batch(3, []))).length).toBe(0)
  })

  test('gives a tap every value in the order of the graph', async () => {
    const { graph, tensors } = decoder(2)
    const model = wasmBackend.compile(graph, tensors, OPTIONS)
    await model.load(tensors)
    const seen: string[] = []
    const plain = (await model.step(batch(5))).slice()
    const tapped = await model.step(batch(5), (name, values, rows, width) => {
      seen.push(name)
      expect(values.length).toBe(rows * width)
    })
    expect(seen).toEqual(graph.values.map(({ name }) => name))
    expect(tapped).toEqual(plain)
  })

  test.each<[string, Partial<Batch>]>([
    ['an id beyond the vocabulary', { ids: Int32Array.from([0, VOCABULARY]) }],
    ['a negative id', { ids: Int32Array.from([-1, 0]) }],
    ['a position without a page', { positions: Int32Array.from([63, 64]) }],
    ['a page that does not exist', { pageTables: [Int32Array.from([2])] }],
    ['an unknown sequence', { sequences: Int32Array.from([0, 1]) }],
    ['a row that is no token', { outputRows: Int32Array.from([2]) }],
    ['too many rows', { outputRows: Int32Array.from([0, 1, 1]) }],
  ])('refuses %s', async (_, wrong) => {
    const model = await loaded()
    await expect(model.step({ ...batch(2), ...wrong })).rejects.toThrow(RangeError)
  })

  test('refuses too many tokens', async () => {
    await expect((await loaded()).step(batch(9))).rejects.toThrow(RangeError)
  })

  test('after dispose is an error', async () => {
    const model = await loaded()
    model.dispose()
    model.dispose()
    await expect(model.step(batch(1))).rejects.toMatchObject({ code: 'disposed' })
  })
})
