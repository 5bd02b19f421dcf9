import { describe, expect, test } from 'vitest'
import { concatenate } from '../testing/harness.ts'
import { CaseBuilder, losslessActivations, normals, type OperationCase } from '../testing/operation-case.ts'
import { randomNumbers, randomTensor } from '../testing/random-tensors.ts'
import { decodeRow } from '../weights/decode/decode.ts'
import { type DecodableType, isFloat } from '../weights/element-type.ts'
import { floatToHalf, halfToFloat } from '../weights/half.ts'
import { readFloat32 } from '../weights/read.ts'
import type { Tensor } from '../weights/tensor.ts'
import { type Batch, type CacheType, PAGE_LENGTH } from './backend.ts'
import { attention, chooseExperts, gatedSilu, linear, normalize, rotate } from './reference/operations.ts'
import { wasmBackend } from './wasm/backend.ts'

/*
 * Operations in the sizes that models have, where addresses are large and sums long. `reference` would take hours for
 * all of it, so its definitions compute some rows and columns; the rest is held to them by being equal to the bit on one
 * thread in one batch, on two in batches cut elsewhere, and on three.
 */

const TOKENS = 512
/** Numbers of tokens that make up TOKENS. */
const CUTS = [1, 7, 300, 1, 203]

interface Setting {
  readonly pages?: number
  readonly cacheType?: CacheType
  /** Positions that want logits. */
  readonly wanted?: readonly number[]
}

/** What the last value of a case is, batch after batch. */
async function compute(
  { graph, tensors }: OperationCase,
  threads: number,
  batches: readonly number[],
  { pages = 8, cacheType = 'f16', wanted = [] }: Setting,
): Promise<Float32Array> {
  const limits = { maxTokens: TOKENS, maxRows: TOKENS, threads, pages, cacheType }
  const model = wasmBackend.compile(graph, tensors, limits)
  try {
    await model.load(tensors)
    const outputs: Float32Array[] = []
    let first = 0
    for (const count of batches) {
      outputs.push((await model.step(batchOf(count, first, pages, wanted))).slice())
      first += count
    }
    return concatenate(outputs)
  } finally {
    model.dispose()
  }
}

/** Tokens first .. first + count of one sequence; their ids go round in the TOKENS rows of the inputs' tables. */
function batchOf(count: number, first: number, pages: number, wanted: readonly number[]): Batch {
  const positions = Int32Array.from({ length: count }, (_, i) => first + i)
  const ids = positions.map((position) => position % TOKENS)
  // Any order will do.
  const pageTables = [Int32Array.from({ length: pages }, (_, i) => (i * 5 + 3) % pages)]
  const outputRows = Int32Array.from(
    wanted.filter((position) => positions.includes(position)),
    (at) => at - first,
  )
  return { ids, positions, sequences: new Int32Array(count), pageTables, outputRows }
}

/** The result of a case, which is the same to the bit with 1, 2 and 3 threads and with batches cut otherwise. */
async function computeInAllWays(
  example: OperationCase,
  setting: Setting = {},
  batches: readonly number[] = [TOKENS],
  otherBatches: readonly number[] = CUTS,
): Promise<Float32Array> {
  const result = await compute(example, 1, batches, setting)
  for (const [threads, cut] of [
    [2, otherBatches],
    [3, batches],
  ] as const) {
    const other = await compute(example, threads, cut, setting)
    // A comparison number by number would take longer than all else here.
    expect(bytesOf(other).equals(bytesOf(result)), `${threads} threads`).toBe(true)
  }
  return result
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Some of 0 to count, without it: the ends, the borders of blocks, and a few between. */
function someOf(count: number, seed: number): number[] {
  const random = randomNumbers(seed)
  const between = Array.from({ length: 40 }, () => Math.floor(count * random()))
  const chosen = [0, 1, 2, 3, 4, 7, 8, 127, 128, count - 9, count - 8, count - 2, count - 1, ...between]
  return [...new Set(chosen)].filter((index) => index >= 0 && index < count).sort((a, b) => a - b)
}

/** Rows of a table of floats. */
function rowsOf(table: Float32Array, width: number, rows: readonly number[]): Float32Array {
  return concatenate(rows.map((row) => table.subarray(row * width, (row + 1) * width)))
}

/** Rows of a stored matrix as floats. */
async function storedRows({ type, shape, byteLength, source }: Tensor, rows: readonly number[]): Promise<Float32Array> {
  const [count, columns] = shape
  const bytes = new Uint8Array(byteLength / count)
  const decoded: Float32Array[] = []
  for (const row of rows) {
    await source.read(row * bytes.length, bytes)
    const values = new Float32Array(columns)
    decodeRow(type as DecodableType, bytes, 0, values)
    decoded.push(values)
  }
  return concatenate(decoded)
}

/** Every number within so much of what its sum is made of. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, size: (i: number) => number): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(actual[i] - expected[i]) <= size(i)) continue
    expect.fail(`${actual[i]} in place ${i} should be ${expected[i]}, within ${size(i)}`)
  }
}

/** Rounding errors of a sum of float32 products, in parts of the sum of their sizes. */
const ROUNDING = 1e-6

/** Compares chosen rows of a linear, `result` of `tokens`, with their dot products. */
async function expectLinear(
  result: Float32Array,
  { weight, inputs, tokens }: { weight: Tensor; inputs: Float32Array; tokens: readonly number[] },
): Promise<void> {
  const [rows, columns] = weight.shape
  const chosen = someOf(rows, rows)
  const w = await storedRows(weight, chosen)
  const x = rowsOf(inputs, columns, tokens)
  const sizes = linear(x.map(Math.abs), w.map(Math.abs), columns)
  const actual = tokens.flatMap((_, t) => chosen.map((row) => result[t * rows + row]))
  expectClose(actual, linear(x, w, columns), (i) => ROUNDING * sizes[i])
}

function activationsFor(type: DecodableType, columns: number): Float32Array<ArrayBuffer> {
  return isFloat(type) ? normals(TOKENS * columns, columns) : losslessActivations(TOKENS * columns, columns)
}

describe('in the sizes of models, with 1, 2 and 3 threads and batches cut in two ways', () => {
  test.each([
    ['Q8_0', 4096, 4096],
    ['Q4_0', 4096, 2048],
    ['Q4_K', 2048, 4096],
    ['Q6_K', 1024, 4096],
    ['F16', 512, 4096],
    ['F32', 512, 3072],
  ] as const)('linear %s of %i rows and %i columns, for 512 tokens', async (type, rows, columns) => {
    const builder = new CaseBuilder()
    const inputs = activationsFor(type, columns)
    const weight = randomTensor('weight', type, [rows, columns], rows)
    const input = builder.input('input', columns, TOKENS, inputs)
    const result = await computeInAllWays(
      builder.finish(builder.recorder.linear(input, builder.weight(weight), 'output')),
    )
    expect(result.length).toBe(TOKENS * rows)
    const tokens = someOf(TOKENS, 1)
    const chosen = concatenate(tokens.map((t) => result.subarray(t * rows, (t + 1) * rows)))
    await expectLinear(chosen, { weight, inputs, tokens })
  })

  test.each([
    ['Q8_0', 512],
    ['Q4_0', 1024],
    ['Q4_K', 1024],
    ['Q6_K', 512],
    ['F16', 128],
    ['F32', 96],
  ] as const)('a vocabulary of 151,936 in %s, %i columns, as table and as head', async (type, columns) => {
    const vocabulary = 151_936
    const builder = new CaseBuilder()
    const inputs = activationsFor(type, columns)
    const table = randomTensor('table', type, [vocabulary, columns], 3)
    const weight = builder.weight(table)
    const input = builder.input('input', columns, TOKENS, inputs)
    const selected = builder.recorder.selectRows(input, 'selected')
    const head = builder.finish(builder.recorder.linear(selected, weight, 'logits'))
    const wanted = [0, 7, 8, 300, 510, 511]
    const logits = await computeInAllWays(head, { wanted })
    await expectLinear(logits, { weight: table, inputs, tokens: wanted })

    const tableAlone = new CaseBuilder()
    const rows = tableAlone.recorder.embedding(tableAlone.weight(table), 'rows')
    const ids = someOf(vocabulary, 9)
    const model = wasmBackend.compile(tableAlone.finish(rows).graph, tableAlone.tensors, {
      ...{ maxTokens: TOKENS, maxRows: 1, pages: 1, cacheType: 'f16', threads: 1 },
    })
    await model.load(tableAlone.tensors)
    expect(await model.step({ ...batchOf(ids.length, 0, 1, []), ids: Int32Array.from(ids) })).toEqual(
      await storedRows(table, ids),
    )
    model.dispose()
  })

  test.each([
    ['f16', 4, 2, 128, 4096],
    ['f32', 4, 1, 64, 4096],
    ['f16', 1, 1, 64, 8192],
  ] as const)(
    'attention over %s, %i heads, %i of %i, in a sequence of %i tokens',
    async (cacheType, heads, keyValueHeads, headDimension, length) => {
      const [width, kept] = [heads * headDimension, keyValueHeads * headDimension]
      const scale = 1 / Math.sqrt(headDimension)
      const builder = new CaseBuilder()
      const [queries, keys, values] = [
        normals(TOKENS * width, 1),
        normals(TOKENS * kept, 2).map((x) => 2 * x),
        normals(TOKENS * kept, 3),
      ]
      const state = builder.recorder.keyValueState(keyValueHeads, headDimension)
      const attended = builder.recorder.attention(
        builder.input('query', width, TOKENS, queries),
        builder.input('key', kept, TOKENS, keys),
        builder.input('value', kept, TOKENS, values),
        { state, heads, scale },
        'attended',
      )
      const whole = new Array(length / TOKENS).fill(TOKENS)
      const batches = [...whole.slice(1), TOKENS - 1, 1]
      const otherBatches = [1, 63, 65, 383, ...whole.slice(2), 500, 1, 1, 1, 9]
      const setting = { pages: length / PAGE_LENGTH, cacheType }
      const result = await computeInAllWays(builder.finish(attended), setting, batches, otherBatches)
      const stored = cacheType === 'f16' ? (x: number) => halfToFloat(floatToHalf(x)) : (x: number) => x
      const [storedKeys, storedValues] = [keys.map(stored), values.map(stored)]
      const past = (rows: Float32Array) => (position: number) =>
        rows.subarray((position % TOKENS) * kept, ((position % TOKENS) + 1) * kept)
      for (const token of someOf(length, length).filter((_, i) => i % 4 === 0 || i > 45)) {
        const query = rowsOf(queries, width, [token % TOKENS])
        const shape = { heads, keyValueHeads, scale }
        const expected = attention(query, past(storedKeys), past(storedValues), token, shape)
        // An average of values of about unit size.
        expectClose(result.subarray(token * width, (token + 1) * width), expected, () => 2e-5)
      }
    },
  )

  test.each([
    ['half', 128],
    ['interleaved', 64],
  ] as const)('rotate %s, 32 heads of %i, at positions up to 4096', async (pairing, headDimension) => {
    const [heads, pairs] = [32, headDimension / 2]
    const width = heads * headDimension
    const builder = new CaseBuilder()
    const inputs = normals(TOKENS * width, 4)
    const inverseFrequencies = Float32Array.from({ length: pairs }, (_, i) => 1e6 ** (-i / pairs))
    const rotation = { heads, headDimension, pairing, inverseFrequencies, magnitude: 1 }
    const output = builder.recorder.rotate(builder.input('input', width, TOKENS, inputs), rotation, 'output')
    const example = builder.finish(output)
    const whole = new Array(7).fill(TOKENS)
    const setting = { pages: 64 }
    const result = await computeInAllWays(example, setting, [...whole, TOKENS], [...CUTS, ...whole])
    const operation = example.graph.operations.find(({ kind }) => kind === 'rotate')
    if (operation?.kind !== 'rotate') throw new RangeError('there is no rotation')
    for (const token of someOf(8 * TOKENS, 5)) {
      const expected = rotate(rowsOf(inputs, width, [token % TOKENS]), Int32Array.of(token), operation)
      expectClose(
        result.subarray(token * width, (token + 1) * width),
        expected,
        (i) => 1e-6 * (1 + Math.abs(expected[i])),
      )
    }
  })

  test('normalize, gated activation, bias and add of 4096 to 12,288 columns', async () => {
    const [width, wide] = [4096, 12_288]
    const builder = new CaseBuilder()
    const { recorder } = builder
    const [gates, ups] = [normals(TOKENS * wide, 5).map((x) => 4 * x), normals(TOKENS * wide, 6)]
    const [gate, up] = [builder.input('gate', wide, TOKENS, gates), builder.input('up', wide, TOKENS, ups)]
    const gated = recorder.gatedActivation(gate, up, 'silu', 'gated')
    const norm = randomTensor('norm', 'F32', [width], 8)
    const weight = randomTensor('weight', 'F32', [7, wide], 9)
    const bias = randomTensor('bias', 'F32', [7], 10)
    const normal = recorder.normalize(recorder.add(gated, up, 'sum'), builder.weight(norm), 1e-6, 'normal')
    const output = recorder.linear(normal, builder.weight(weight), 'output', builder.weight(bias))
    const result = await computeInAllWays(builder.finish(output))
    const [factors, matrix, offsets] = [await readFloat32(norm), await readFloat32(weight), await readFloat32(bias)]
    for (const token of someOf(TOKENS, 7)) {
      const [g, u] = [rowsOf(gates, wide, [token]), rowsOf(ups, wide, [token])]
      const x = normalize(
        gatedSilu(g, u).map((value, i) => value + u[i]),
        factors,
        1e-6,
      )
      const sizes = linear(x.map(Math.abs), matrix.map(Math.abs), wide)
      const expected = linear(x, matrix, wide, offsets)
      expectClose(result.subarray(7 * token, 7 * token + 7), expected, (i) => 2 * ROUNDING * sizes[i])
    }
  })

  test('experts of 768 and 1024 columns, 4 of 12, for 512 tokens', async () => {
    const [columns, width, count, used] = [1024, 768, 12, 4]
    const builder = new CaseBuilder()
    const inputs = normals(TOKENS * columns, 11)
    const router = randomTensor('router', 'F32', [count, columns], 12)
    const experts = Array.from({ length: count }, (_, expert) => ({
      gate: randomTensor(`gate.${expert}`, 'F16', [width, columns], 3 * expert),
      up: randomTensor(`up.${expert}`, 'F16', [width, columns], 3 * expert + 1),
      down: randomTensor(`down.${expert}`, 'F16', [columns, width], 3 * expert + 2),
    }))
    const input = builder.input('input', columns, TOKENS, inputs)
    const weights = experts.map(({ gate, up, down }) => {
      return { gate: builder.weight(gate), up: builder.weight(up), down: builder.weight(down) }
    })
    const choice = { used, normalise: true }
    const options = { router: builder.weight(router), experts: weights, ...choice }
    const result = await computeInAllWays(builder.finish(builder.recorder.experts(input, options, 'output')))
    const routing = await readFloat32(router)
    for (const token of [0, 1, 8, 255, 511]) {
      const x = rowsOf(inputs, columns, [token])
      const expected = new Float64Array(columns)
      for (const { expert, weight } of chooseExperts(Array.from(linear(x, routing, columns)), choice)) {
        const [gate, up, down] = [experts[expert].gate, experts[expert].up, experts[expert].down]
        const activated = gatedSilu(
          linear(x, await readFloat32(gate), columns),
          linear(x, await readFloat32(up), columns),
        )
        linear(activated, await readFloat32(down), width).forEach((y, i) => {
          expected[i] += weight * y
        })
      }
      const size = Math.sqrt(expected.reduce((sum, y) => sum + y * y, 0) / columns)
      expectClose(result.subarray(token * columns, (token + 1) * columns), expected, () => 1e-4 * size)
    }
  })
})
