import { describe, expect, test } from 'vitest'
import type { Value } from '../graph/operations.ts'
import { CaseBuilder, losslessActivations, normals, type OperationCase } from '../testing/operation-case.ts'
import { floatTensor, randomTensor } from '../testing/random-tensors.ts'
import { DECODABLE_TYPES, type DecodableType, ELEMENT_LAYOUTS, isFloat } from '../weights/element-type.ts'
import { type Backend, type Batch, CACHE_TYPES, type CompileOptions } from './backend.ts'
import { referenceBackend } from './reference/backend.ts'
import { wasmBackend } from './wasm/backend.ts'

/** Every backend that is checked against `reference`. */
const BACKENDS: readonly Backend[] = [wasmBackend]

const OPTIONS: CompileOptions = { maxTokens: 128, maxRows: 128, pages: 8, cacheType: 'f32', threads: 1 }

/** What a graph computed, by the names of its values. */
type Outputs = ReadonlyMap<string, Float32Array>

interface PageCopy {
  readonly from: number
  readonly to: number
  readonly tokens: number
}

/** Runs batches (and copies of pages between them) one after another on a backend; the outputs of each batch. */
async function runOn(
  backend: Backend,
  { graph, tensors }: OperationCase,
  batches: readonly (Batch | PageCopy)[],
  options = OPTIONS,
) {
  const model = backend.compile(graph, tensors, options)
  await model.load(tensors)
  const outputs: Outputs[] = []
  for (const batch of batches) {
    if ('from' in batch) {
      model.copyPage(batch.from, batch.to, batch.tokens)
      continue
    }
    const taps = new Map<string, Float32Array>()
    await model.step(batch, (name, values) => taps.set(name, values.slice()))
    outputs.push(taps)
  }
  model.dispose()
  return outputs
}

/** Tokens first .. first + count of one sequence, whose ids are their positions. */
function tokens(count: number, first = 0, pageTable = Int32Array.from([0, 1, 2, 3])): Batch {
  const positions = Int32Array.from({ length: count }, (_, i) => first + i)
  const ids = positions.map((position) => position % OPTIONS.maxTokens)
  const sequences = new Int32Array(count)
  return { ids, positions, sequences, pageTables: [pageTable], outputRows: Int32Array.from([count - 1]) }
}

/** The batches as one, each for a sequence of its own. */
function together(...batches: readonly Batch[]): Batch {
  const join = (part: 'ids' | 'positions') => Int32Array.from(batches.flatMap((batch) => [...batch[part]]))
  const sequences = Int32Array.from(batches.flatMap((batch, i) => Array.from(batch.ids, () => i)))
  const pageTables = batches.map((batch) => batch.pageTables[0])
  return { ids: join('ids'), positions: join('positions'), sequences, pageTables, outputRows: new Int32Array(0) }
}

/**
 * Mean squared error, relative to the mean square of what is expected: of all of the layer's outputs, since one output
 * may be near zero by chance.
 */
function errorOf(actual: Float32Array | undefined, expected: Float32Array | undefined, layer = expected): number {
  if (!actual || !expected || !layer || actual.length !== expected.length) return Number.NaN
  if (actual.length === 0) return 0
  const error = meanSquare(actual.length, (i) => actual[i] - expected[i])
  return error === 0 ? 0 : error / meanSquare(layer.length, (i) => layer[i])
}

function meanSquare(length: number, at: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += at(i) ** 2
  return sum / length
}

async function expectEqualToReference(
  backend: Backend,
  example: OperationCase,
  batches: readonly (Batch | PageCopy)[],
  limit: number,
  options = OPTIONS,
) {
  const expected = await runOn(referenceBackend, example, batches, options)
  const actual = await runOn(backend, example, batches, options)
  expected.forEach((outputs, step) => {
    for (const [name, values] of outputs) {
      expect(errorOf(actual[step].get(name), values), `${name} of step ${step}`).toBeLessThanOrEqual(limit)
    }
  })
}

/** Quantised weights meet activations that are rounded to 8 bits. */
function limitOf(type: DecodableType): number {
  return isFloat(type) ? 1e-6 : 5e-4
}

/** A type of each kind of layout; the others are tried with fewer shapes. */
const TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q5_1', 'Q4_K', 'Q6_K', 'Q2_K', 'IQ4_XS', 'MXFP4'] as const
const RARE_TYPES = DECODABLE_TYPES.filter((type) => !(TYPES as readonly DecodableType[]).includes(type))
const COLUMNS = [256, 1024, 3072] as const
const ROWS = [1, 7, 8, 9, 4096] as const
const TOKENS = [1, 2, 3, 5, 31, 32, 33, 128] as const

/** One graph with a linear of every number of rows. */
function linears(
  type: DecodableType,
  columns: number,
  rows: readonly number[],
  values?: Float32Array<ArrayBuffer>,
): OperationCase {
  const builder = new CaseBuilder()
  const input = builder.input('input', columns, OPTIONS.maxTokens, values)
  const outputs = rows.map((count) => {
    const weight = builder.weight(randomTensor(`weight${count}`, type, [count, columns], count + columns))
    return builder.recorder.linear(input, weight, `linear${count}`)
  })
  return builder.finish(outputs[0])
}

describe.each(BACKENDS)('$name against reference', (backend) => {
  test.each(RARE_TYPES)('linear %s of 512 columns', async (type) => {
    await expectEqualToReference(backend, linears(type, 512, [40, 9]), [tokens(37)], limitOf(type))
  })

  describe.each(TYPES)('linear %s', (type) => {
    test.each(COLUMNS)('of %i columns, with every number of rows and tokens', async (columns) => {
      const example = linears(type, columns, ROWS)
      const [expected] = await runOn(referenceBackend, example, [tokens(128)])
      const batches = TOKENS.map((count) => tokens(count))
      const actual = await runOn(backend, example, batches)
      TOKENS.forEach((count, step) => {
        for (const rows of ROWS) {
          const layer = expected.get(`linear${rows}`)
          const error = errorOf(actual[step].get(`linear${rows}`), layer?.subarray(0, count * rows), layer)
          expect(error, `${rows} rows, ${count} tokens`).toBeLessThanOrEqual(limitOf(type))
        }
      })
      // More tokens in a batch do not change a bit of the others.
      const all = actual[TOKENS.length - 1]
      TOKENS.forEach((count, step) => {
        for (const rows of ROWS) {
          const first = all.get(`linear${rows}`)?.subarray(0, count * rows)
          expect(actual[step].get(`linear${rows}`)).toEqual(first)
        }
      })
    })
  })

  test('an input is read in both forms of rounded activations, and as it is', async () => {
    const builder = new CaseBuilder()
    const input = builder.input('input', 256)
    const outputs = (['Q6_K', 'Q4_0', 'F16', 'Q8_0', 'Q4_K'] as const).map((type, i) => {
      return builder.recorder.linear(input, builder.weight(randomTensor(`weight${i}`, type, [24, 256], i)), `out${i}`)
    })
    const sum = outputs.reduce((left, right, i) => builder.recorder.add(left, right, `sum${i}`))
    await expectEqualToReference(backend, builder.finish(sum), [tokens(9), tokens(1)], 5e-4)
  })

  describe.each(DECODABLE_TYPES)('linear %s', (type) => {
    test('is exact but for float sums where rounding activations loses nothing', async () => {
      await expectEqualToReference(
        backend,
        linears(type, 512, [24, 13], losslessActivations(128 * 512, 512)),
        [tokens(6)],
        1e-11,
      )
    })

    test.each([
      ['infinite', 10],
      ['not a number', -10],
    ])('of activations that are %s is no number, in that row alone', async (_, factor) => {
      const builder = new CaseBuilder()
      const values = normals(4 * 256, 1)
      values[2 * 256 + 37] = 3e38
      const input = builder.input('input', 256, 4, values)
      const diagonal = (name: string, value: number) => {
        const entries = Float32Array.from({ length: 256 * 256 }, (_, i) => (i % 257 === 0 ? value : 0))
        return builder.recorder.linear(input, builder.weight(floatTensor(`${name}.weight`, [256, 256], entries)), name)
      }
      // Ten times 3e38, and that or its opposite once more.
      const odd = builder.recorder.add(diagonal('tenfold', 10), diagonal('again', factor), 'odd')
      const weight = builder.weight(randomTensor('weight', type, [24, 256], 5))
      const [outputs] = await runOn(backend, builder.finish(builder.recorder.linear(odd, weight, 'out')), [tokens(4)])
      const finite = [0, 1, 2, 3].map((row) =>
        outputs
          .get('out')
          ?.subarray(24 * row, 24 * row + 24)
          .filter(Number.isFinite),
      )
      expect(finite.map((row) => row?.length)).toEqual([24, 24, 0, 24])
    })

    test('of a table gives rows and logits', async () => {
      const builder = new CaseBuilder()
      const columns = ELEMENT_LAYOUTS[type].blockLength <= 32 ? 96 : 512
      const table = builder.weight(randomTensor('table', type, [37, columns], 3))
      const rows = builder.recorder.embedding(table, 'rows')
      const example = builder.finish(builder.recorder.linear(rows, table, 'logits'))
      const ids = Int32Array.from([0, 36, 7, 8, 9, 31])
      const [expected] = await runOn(referenceBackend, example, [{ ...tokens(6), ids }])
      const [actual] = await runOn(backend, example, [{ ...tokens(6), ids }])
      expect(actual.get('rows')).toEqual(expected.get('rows'))
      expect(errorOf(actual.get('logits'), expected.get('logits'))).toBeLessThanOrEqual(limitOf(type))
    })
  })

  test.each([
    [64, 64],
    [128, 32],
    [7, 7],
    [60, 20],
    [15, 5],
    [1, 1],
  ])('normalize rows of %i in groups of %i', async (width, group) => {
    const builder = new CaseBuilder()
    const weight = builder.weight(randomTensor('norm', 'F32', [group], 1))
    const output = builder.recorder.normalize(builder.input('input', width), weight, 1e-6, 'output')
    await expectEqualToReference(backend, builder.finish(output), [tokens(1), tokens(37)], 1e-12)
  })

  test('a norm in half precision', async () => {
    const builder = new CaseBuilder()
    const weight = builder.weight(randomTensor('norm', 'BF16', [24], 1))
    const output = builder.recorder.normalize(builder.input('input', 24), weight, 1e-6, 'output')
    await expectEqualToReference(backend, builder.finish(output), [tokens(3)], 1e-12)
  })

  test.each([
    ['half', 2, 16, 8, 1],
    ['half', 3, 128, 64, 1],
    ['half', 5, 20, 5, 0.7],
    ['half', 1, 6, 3, 1],
    ['interleaved', 2, 16, 8, 1],
    ['interleaved', 3, 128, 64, 1.3],
    ['interleaved', 5, 20, 5, 1],
    ['interleaved', 1, 6, 3, 1],
  ] as const)(
    'rotate %s, %i heads of %i, %i pairs, magnitude %d',
    async (...[pairing, heads, headDimension, pairs, magnitude]) => {
      const builder = new CaseBuilder()
      const inverseFrequencies = Float32Array.from({ length: pairs }, (_, i) => 10000 ** (-i / pairs))
      const rotation = { heads, headDimension, pairing, inverseFrequencies, magnitude }
      const input = builder.input('input', heads * headDimension)
      const once = builder.recorder.rotate(input, rotation, 'once')
      const example = builder.finish(builder.recorder.rotate(once, { ...rotation, magnitude: 1 }, 'twice'))
      await expectEqualToReference(backend, example, [tokens(2, 100), tokens(19)], 1e-12)
    },
  )

  test.each([1, 7, 8, 64, 100])('gated activation and add of width %i', async (width) => {
    const builder = new CaseBuilder()
    const gate = builder.input(
      'gate',
      width,
      128,
      normals(128 * width, 5).map((x) => 20 * x),
    )
    const up = builder.input('up', width)
    const gated = builder.recorder.gatedActivation(gate, up, 'silu', 'gated')
    const example = builder.finish(builder.recorder.add(gated, up, 'sum'))
    await expectEqualToReference(backend, example, [tokens(1), tokens(128)], 1e-12)
  })

  test.each(['F32', 'Q8_0'] as const)('linear %s with a bias, of selected rows', async (type) => {
    const builder = new CaseBuilder()
    const weight = builder.weight(randomTensor('weight', type, [11, 32], 1))
    const bias = builder.weight(randomTensor('bias', 'F16', [11], 2))
    const input = builder.input('input', 32)
    const selected = builder.recorder.selectRows(input, 'selected')
    const all = builder.recorder.linear(input, weight, 'all', bias)
    const example = builder.finish(builder.recorder.linear(selected, weight, 'logits', bias))
    expect(all.size).toBe('tokens')
    const batches = [[0, 3, 8], [8], []].map((rows) => ({ ...tokens(9), outputRows: Int32Array.from(rows) }))
    await expectEqualToReference(backend, example, batches, limitOf(type))
  })

  describe('experts', () => {
    test.each([
      { experts: 4, used: 1, columns: 32, width: 32, normalise: true },
      { experts: 5, used: 2, columns: 40, width: 11, normalise: false },
      { experts: 8, used: 8, columns: 64, width: 7, normalise: true },
      { experts: 33, used: 3, columns: 20, width: 24, normalise: true },
      { experts: 64, used: 6, columns: 96, width: 48, normalise: false },
    ])('$experts of $width, $used used, rows of $columns, normalised: $normalise', async (shape) => {
      const example = expertsCase(shape, ['F32', 'BF16', 'F16'])
      const batches = [1, 2, 3, 5, 8, 33].map((count) => tokens(count))
      await expectEqualToReference(backend, example, batches, 1e-11)
    })

    test.each([
      ['Q8_0', 'Q8_0', 'Q8_0'],
      ['Q4_0', 'Q4_0', 'Q8_0'],
      ['Q4_0', 'BF16', 'F32'],
      ['F32', 'F32', 'Q8_0'],
    ] as const)('gate %s, up %s, down %s', async (...types) => {
      const shape = { experts: 16, used: 4, columns: 64, width: 96, normalise: true }
      await expectEqualToReference(backend, expertsCase(shape, types), [tokens(1), tokens(17)], 1e-3)
    })

    test.each([
      ['Q4_K', 'Q4_0', 'Q6_K'],
      ['Q4_K', 'F32', 'Q8_0'],
      ['Q8_0', 'Q8_0', 'Q5_K'],
    ] as const)('gate %s, up %s, down %s, of 256 columns', async (...types) => {
      const shape = { experts: 6, used: 2, columns: 256, width: 256, normalise: true }
      await expectEqualToReference(backend, expertsCase(shape, types), [tokens(1), tokens(17)], 1e-3)
    })

    test('of types that ask for activations in two forms', async () => {
      const shape = { experts: 5, used: 2, columns: 256, width: 256, normalise: true }
      const typeOf = (expert: number) => (['Q4_K', 'Q4_0', 'F32', 'Q6_K', 'Q8_0'] as const)[expert]
      const example = expertsCase(shape, ['F32', 'F32', 'F32'], typeOf)
      await expectEqualToReference(backend, example, [tokens(1), tokens(31)], 1e-3)
    })

    test('that share an input with a linear, and come one after another', async () => {
      const builder = new CaseBuilder()
      const shape = { experts: 6, used: 2, columns: 32, width: 32, normalise: true }
      const first = addExperts(builder, builder.input('input', 32), shape, ['F32', 'F32', 'F32'], 'first')
      const weight = builder.weight(randomTensor('weight', 'Q8_0', [32, 32], 5))
      const linear = builder.recorder.linear(first, weight, 'linear')
      const second = addExperts(builder, first, { ...shape, experts: 9 }, ['Q8_0', 'F32', 'Q4_0'], 'second')
      const example = builder.finish(builder.recorder.add(linear, second, 'sum'))
      await expectEqualToReference(backend, example, [tokens(20), tokens(3)], 1e-3)
    })

    test('of each a type of its own', async () => {
      const shape = { experts: 5, used: 2, columns: 64, width: 32, normalise: true }
      const example = expertsCase(shape, ['F32', 'F32', 'F32'], (expert) => TYPES[expert])
      await expectEqualToReference(backend, example, [tokens(1), tokens(31)], 1e-3)
    })

    test('choose the first of equals, and leave most without a token', async () => {
      const builder = new CaseBuilder()
      const input = builder.input('input', 8, 128, new Float32Array(128 * 8).fill(1))
      const shape = { experts: 40, used: 3, columns: 8, width: 8, normalise: true }
      const router = floatTensor('out.router', [40, 8], new Float32Array(320).fill(0.5))
      const output = addExperts(builder, input, shape, ['F32', 'F32', 'F32'], 'out', undefined, router)
      await expectEqualToReference(backend, builder.finish(output), [tokens(4)], 1e-11)
    })

    test('survive scores that are not numbers', async () => {
      const builder = new CaseBuilder()
      const large = builder.input('large', 8, 128, new Float32Array(128 * 8).fill(3e38))
      const beyond = ([1, -1] as const).map((sign) => {
        const weight = floatTensor(`${sign}`, [8, 8], new Float32Array(64).fill(sign))
        return builder.recorder.linear(large, builder.weight(weight), `infinite${sign}`)
      })
      const input = builder.recorder.add(beyond[0], beyond[1], 'input')
      const shape = { experts: 4, used: 3, columns: 8, width: 8, normalise: true }
      const example = builder.finish(addExperts(builder, input, shape, ['F32', 'F32', 'F32'], 'out'))
      const [outputs] = await runOn(backend, example, [tokens(4)])
      expect(outputs.get('out')?.every(Number.isNaN)).toBe(true)
    })

    test.each(['F32', 'Q8_0'] as const)('of %s are the same to the bit however batches are cut', async (type) => {
      const shape = { experts: 12, used: 3, columns: 64, width: 64, normalise: true }
      const example = expertsCase(shape, [type, type, type])
      const [whole] = await runOn(backend, example, [tokens(64)])
      const pieces = [
        tokens(1),
        tokens(7, 1),
        tokens(33, 8),
        ...Array.from({ length: 23 }, (_, i) => tokens(1, 41 + i)),
      ]
      const parts = await runOn(backend, example, pieces)
      const joined = parts.flatMap((outputs) => [...(outputs.get('out') ?? [])])
      expect(Float32Array.from(joined)).toEqual(whole.get('out'))
    })
  })

  describe.each(CACHE_TYPES)('attention over %s', (cacheType) => {
    const options = { ...OPTIONS, cacheType }
    // Where keys and values are integers, queries and weights are rounded to some, 13 bits and more.
    const limit = cacheType === 'f32' || cacheType === 'f16' ? 1e-11 : 1e-7

    test.each([
      [1, 1, 16],
      [2, 1, 64],
      [4, 2, 128],
      [6, 2, 80],
      [8, 1, 32],
      [3, 3, 20],
      [2, 2, 6],
      [5, 1, 100],
    ])('%i heads, %i for keys and values, of %i', async (heads, keyValueHeads, headDimension) => {
      const example = attentionCase(heads, keyValueHeads, headDimension)
      const batches = [tokens(63), tokens(1, 63), tokens(1, 64), tokens(1, 65), tokens(70, 66), tokens(2, 136)]
      await expectEqualToReference(backend, example, batches, limit, options)
    })

    test('batches of several sequences', async () => {
      const [a, b, c] = [Int32Array.from([3, 1]), Int32Array.from([0, 5, 6]), Int32Array.from([2])]
      const batches = [
        together(tokens(40, 0, a), tokens(1, 0, b), tokens(30, 0, c)),
        together(tokens(1, 30, c), tokens(1, 40, a), tokens(64, 1, b)),
        together(tokens(1, 31, c), tokens(30, 41, a), tokens(70, 65, b)),
      ]
      await expectEqualToReference(backend, attentionCase(4, 2, 32), batches, limit, options)
    })

    test('forks that share a page and copy the last one', async () => {
      const [trunk, fork] = [Int32Array.from([4, 2]), Int32Array.from([4, 7])]
      const batches = [
        tokens(80, 0, trunk),
        { from: 2, to: 7, tokens: 10 },
        together(tokens(3, 80, trunk), tokens(9, 74, fork)),
        together(tokens(1, 83, fork), tokens(1, 83, trunk)),
      ]
      await expectEqualToReference(backend, attentionCase(4, 2, 32), batches, limit, options)
    })

    test('scores far apart', async () => {
      const example = attentionCase(2, 1, 16, 40)
      await expectEqualToReference(backend, example, [tokens(100)], 100 * limit, options)
    })

    test.each([
      [4, 1, 16],
      [4, 2, 10],
    ])('over runs of pages, whoever adds them up: %i heads, %i of %i', async (heads, keyValueHeads, headDimension) => {
      const example = attentionCase(heads, keyValueHeads, headDimension)
      const [a, b, c] = [0, 1, 2].map((k) => Int32Array.from({ length: 19 }, (_, i) => 3 * i + k))
      const filling = [
        ...Array.from({ length: 8 }, (_, i) => tokens(128, 128 * i, a)),
        ...Array.from({ length: 4 }, (_, i) => tokens(128, 128 * i, b)),
      ]
      // Behind two runs, in the first, and over the end of one, where some see only what is before it.
      const batches = [
        ...filling,
        tokens(1, 1024, a),
        together(tokens(1, 1025, a), tokens(1, 0, c), tokens(3, 512, b)),
        tokens(8, 508, b),
        tokens(4, 1022, a),
      ]
      const limits = { ...options, pages: 57 }
      await expectEqualToReference(backend, example, batches, limit, limits)
      const alone = await attendedBy(backend, example, batches, limits)
      for (const threads of [2, 3]) {
        expect(await attendedBy(backend, example, batches, { ...limits, threads })).toEqual(alone)
      }
      const among = await attendedBy(backend, example, [...filling, tokens(100, 960, a)], limits)
      expect(among.at(-1)?.subarray(62 * heads * headDimension, 66 * heads * headDimension)).toEqual(alone.at(-1))
    })

    test.each([
      [4, 2, 64],
      [7, 1, 32],
      [3, 3, 20],
    ])('is the same to the bit whether cached, recomputed or batched: %i heads, %i of %i', async (...sizes) => {
      const example = attentionCase(...sizes)
      const [whole] = await runOn(backend, example, [tokens(128)], options)
      const pieces = [
        tokens(1),
        tokens(17, 1),
        ...Array.from({ length: 50 }, (_, i) => tokens(1, 18 + i)),
        tokens(60, 68),
      ]
      const parts = await runOn(backend, example, pieces, options)
      const joined = parts.flatMap((outputs) => [...(outputs.get('attended') ?? [])])
      expect(Float32Array.from(joined)).toEqual(whole.get('attended'))
    })
  })

  describe.each(['i16', 'q8_0'] as const)('attention over %s, where something is not finite,', (cacheType) => {
    const options = { ...OPTIONS, cacheType }
    const [heads, width, bad] = [4, 160, 70]

    test.each([
      ['key', Number.NaN],
      ['key', Number.POSITIVE_INFINITY],
      ['key', Number.NEGATIVE_INFINITY],
      ['value', Number.NaN],
      ['value', Number.NEGATIVE_INFINITY],
      ['query', Number.NaN],
    ] as const)('a %s with %d is seen by those who see it', async (part, number) => {
      const at = bad * width + 3
      const [spoilt] = await runOn(backend, spoiltCase(part, [at], number), [tokens(128)], options)
      const [clean] = await runOn(backend, spoiltCase(part, [], number), [tokens(128)], options)
      for (let token = 0; token < 128; token++) {
        const [actual, expected] = [spoilt, clean].map((outputs) => {
          // The first head, in which the number is.
          return outputs.get('attended')?.subarray(token * width, token * width + width / heads)
        })
        const sees = part === 'query' ? token === bad : token >= bad
        if (sees)
          expect(
            actual?.some((x) => !Number.isFinite(x)),
            `token ${token}`,
          ).toBe(true)
        else expect(actual).toEqual(expected)
      }
    })

    test.each(['key', 'value'] as const)('what a page held before does not matter, not even in a %s', async (part) => {
      const places = Array.from({ length: 64 * width }, (_, i) => 64 * width + i)
      const batches = [
        tokens(64, 0, Int32Array.of(2)),
        tokens(64, 64, Int32Array.of(2, 1)),
        tokens(30, 0, Int32Array.of(1)),
      ]
      const outputs = await runOn(backend, spoiltCase(part, places, Number.NaN), batches, options)
      expect(outputs[1].get('attended')?.every(Number.isNaN)).toBe(true)
      const [fresh] = await runOn(backend, spoiltCase(part, [], 0), [tokens(30)], options)
      expect(outputs[2].get('attended')).toEqual(fresh.get('attended'))
    })

    /** Weights are finite: infinity is made by an addition, and what is not a number of two of them. */
    function spoiltCase(spoilt: string, places: readonly number[], number: number): OperationCase {
      const builder = new CaseBuilder()
      const filled = (name: string, value: number): Value => {
        const rows = new Float32Array(128 * width)
        for (const place of places) rows[place] = value
        return builder.input(name, width, 128, rows)
      }
      const [query, key, value] = ['query', 'key', 'value'].map((part, i) => {
        const rows = builder.input(part, width, 128, normals(128 * width, i))
        if (part !== spoilt) return rows
        const plus = filled('plus', number < 0 ? -3e38 : 3e38)
        const minus = filled('minus', Number.isNaN(number) ? -3e38 : 0)
        const { recorder } = builder
        const infinite = recorder.add(recorder.add(rows, plus, 'once'), plus, 'twice')
        return recorder.add(infinite, recorder.add(minus, minus, 'opposite'), 'spoilt')
      })
      const state = builder.recorder.keyValueState(heads, width / heads)
      return builder.finish(builder.recorder.attention(query, key, value, { state, heads, scale: 0.1 }, 'attended'))
    }
  })
})

/** The rows of all tokens, batch after batch; without taps, so on as many threads as there are. */
async function attendedBy(
  backend: Backend,
  { graph, tensors }: OperationCase,
  batches: readonly Batch[],
  options: CompileOptions,
): Promise<Float32Array[]> {
  const model = backend.compile(graph, tensors, options)
  await model.load(tensors)
  const rows: Float32Array[] = []
  for (const batch of batches) rows.push((await model.step(batch)).slice())
  model.dispose()
  return rows
}

function attentionCase(
  heads: number,
  keyValueHeads: number,
  headDimension: number,
  scale = 1 / Math.sqrt(headDimension),
): OperationCase {
  const builder = new CaseBuilder()
  const query = builder.input('query', heads * headDimension)
  const width = keyValueHeads * headDimension
  const key = builder.input('key', width, 128, normals(128 * width, 7))
  const value = builder.input('value', width, 128, normals(128 * width, 8))
  const state = builder.recorder.keyValueState(keyValueHeads, headDimension)
  return builder.finish(builder.recorder.attention(query, key, value, { state, heads, scale }, 'attended'))
}

interface ExpertsShape {
  readonly experts: number
  readonly used: number
  readonly columns: number
  readonly width: number
  readonly normalise: boolean
}

type ExpertTypes = readonly [gate: DecodableType, up: DecodableType, down: DecodableType]

function expertsCase(
  shape: ExpertsShape,
  types: ExpertTypes,
  typeOf?: (expert: number) => DecodableType,
): OperationCase {
  const builder = new CaseBuilder()
  return builder.finish(addExperts(builder, builder.input('input', shape.columns), shape, types, 'out', typeOf))
}

/** @param typeOf all three matrices of an expert, in place of `types` */
function addExperts(
  builder: CaseBuilder,
  input: Value,
  { experts, used, columns, width, normalise }: ExpertsShape,
  types: ExpertTypes,
  name: string,
  typeOf?: (expert: number) => DecodableType,
  router = randomTensor(`${name}.router`, 'F32', [experts, columns], 77),
): Value {
  const matrices = Array.from({ length: experts }, (_, expert) => {
    const [gate, up, down] = typeOf ? Array.from(types, () => typeOf(expert)) : types
    const matrix = (part: string, type: DecodableType, rows: number, across: number, seed: number) =>
      builder.weight(randomTensor(`${name}.${part}.${expert}`, type, [rows, across], 3 * expert + seed))
    return {
      gate: matrix('gate', gate, width, columns, 0),
      up: matrix('up', up, width, columns, 1),
      down: matrix('down', down, columns, width, 2),
    }
  })
  return builder.recorder.experts(input, { router: builder.weight(router), experts: matrices, used, normalise }, name)
}
