import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openFile } from '../../bytes/file-source.ts'
import { openCheckpoint } from '../../hub/open-checkpoint.ts'
import { relativeError } from '../../testing/reference-logits.ts'
import { sharedData } from '../../testing/shared-data.ts'
import { decodeRow } from '../decode/decode.ts'
import { ELEMENT_LAYOUTS, rowBytes } from '../element-type.ts'
import { openGguf } from '../gguf.ts'
import { readFloat32, readRows } from '../read.ts'
import type { Tensor } from '../tensor.ts'
import { type EncodableType, encodeRow } from './encode.ts'

interface Vectors {
  /** What each row of 256 values is like. */
  readonly rows: readonly string[]
  readonly values: string
  /** What llama.cpp's quantiser makes of the values. */
  readonly types: Readonly<Record<string, string>>
}

const VECTORS: Vectors = JSON.parse(readFileSync(new URL('fixtures/vectors.json', import.meta.url), 'utf8'))
const VALUES = new Float32Array(bytesOf(VECTORS.values).buffer)
const ROW = 256

/** Of these the definition leaves no choice. */
const EXACT = ['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'] as const
const SEARCHED = ['Q4_K', 'Q5_K', 'Q6_K'] as const

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

function encoded(type: EncodableType, values: Float32Array): Uint8Array {
  const target = new Uint8Array(rowBytes(type, values.length))
  encodeRow(type, values, target, 0)
  return target
}

function decoded(type: EncodableType, bytes: Uint8Array): Float32Array {
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  const target = new Float32Array((bytes.length / blockBytes) * blockLength)
  decodeRow(type, bytes, 0, target)
  return target
}

describe("llama.cpp's quantisers", () => {
  it.each(EXACT)('are matched bit for bit: %s', (type) => {
    const expected = bytesOf(VECTORS.types[type])
    const actual = encoded(type, VALUES)
    const bytes = rowBytes(type, ROW)
    VECTORS.rows.forEach((name, i) => {
      expect(actual.subarray(i * bytes, (i + 1) * bytes), name).toEqual(expected.subarray(i * bytes, (i + 1) * bytes))
    })
  })

  // Where the scale of a block is hardly a number any more, which of its roundings is better is chance.
  const usual = VECTORS.rows.filter((name) => !/tiny|subnormal|huge|zeros$/.test(name))

  it.each(SEARCHED)('lose more than ours, in all and nearly row by row: %s', (type) => {
    const bytes = rowBytes(type, ROW)
    const theirs = decoded(type, bytesOf(VECTORS.types[type]))
    const actual = encoded(type, VALUES)
    let [ourSum, theirSum] = [0, 0]
    for (const name of usual) {
      const i = VECTORS.rows.indexOf(name)
      const values = VALUES.subarray(i * ROW, (i + 1) * ROW)
      const ours = relativeError(decoded(type, actual.subarray(i * bytes, (i + 1) * bytes)), values)
      const other = relativeError(theirs.subarray(i * ROW, (i + 1) * ROW), values)
      // A row of one value has only what the half loses.
      expect(ours, name).toBeLessThanOrEqual(Math.max(1.1 * other, 1e-6))
      ourSum += ours
      theirSum += other
    }
    expect(ourSum).toBeLessThan(theirSum)
  })
})

const folder = sharedData('quantised')

describe.skipIf(!folder)('files of llama-quantize', () => {
  /** Calls back with each tensor of a file that has a type, and the weights that it was made of. */
  async function eachTensor(
    file: string,
    type: EncodableType,
    visit: (tensor: Tensor, original: Float32Array) => Promise<void>,
  ): Promise<number> {
    const quantised = await openGguf(await openFile(`${folder}/qwen3.${file}.gguf`))
    const original = await openCheckpoint(`${folder}/qwen3.f32.gguf`)
    const tensors = [...quantised.tensors.values()].filter((tensor) => tensor.type === type)
    for (const tensor of tensors) {
      const floats = original.tensors.get(tensor.name)
      if (!floats) throw new RangeError(`no ${tensor.name}`)
      await visit(tensor, await readFloat32(floats))
    }
    await Promise.all([quantised.close(), original.close()])
    return tensors.length
  }

  it.each([
    ['Q8_0', 15],
    ['Q4_0', 14],
    ['Q4_1', 14],
    ['Q5_0', 14],
    ['Q5_1', 14],
    ['F16', 15],
    ['BF16', 15],
  ] as const)('%s: the blocks of its %i tensors are ours bit for bit', async (type, count) => {
    const compared = await eachTensor(type, type, async (tensor, original) => {
      const stored: Uint8Array[] = []
      for await (const { bytes } of readRows(tensor)) stored.push(bytes.slice())
      expect(Buffer.concat(stored).equals(encoded(type, original)), tensor.name).toBe(true)
    })
    expect(compared).toBe(count)
  })

  it.each([
    ['Q4_K_M', 'Q4_K'],
    ['Q5_K_M', 'Q5_K'],
    ['Q6_K', 'Q6_K'],
  ] as const)('%s: the tensors in %s lose no less than ours', async (file, type) => {
    await eachTensor(file, type, async (tensor, original) => {
      const theirs = relativeError(await readFloat32(tensor), original)
      expect(relativeError(decoded(type, encoded(type, original)), original), tensor.name).toBeLessThan(1.05 * theirs)
    })
  })
})

describe('encodeRow', () => {
  const steps = { Q8_0: 1 / 127, Q4_0: 1 / 8, Q4_1: 2 / 15, Q5_0: 1 / 16, Q5_1: 2 / 31 } as const
  const floats = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 32, maxLength: 32 })

  it.each(Object.entries(steps))('errs by no more than a step of the grid: %s', (name, step) => {
    const type = name as keyof typeof steps
    fc.assert(
      fc.property(floats, (list) => {
        const values = Float32Array.from(list)
        const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
        const back = decoded(type, encoded(type, values))
        // 2^-10: the scale is a half; 2^-24: and perhaps a subnormal one, times at most 127.
        const bound = largest * (step + 2 ** -9) + 2 ** -17
        return values.every((x, i) => Math.abs(back[i] - x) <= bound)
      }),
    )
  })

  it.each(SEARCHED)('gives numbers for all that halves can scale: %s', (type) => {
    const any = fc.float32Array({ min: -65504, max: 65504, noNaN: true, minLength: ROW, maxLength: ROW })
    fc.assert(
      fc.property(any, (values) => {
        const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
        const back = decoded(type, encoded(type, values))
        return back.every((x) => Math.abs(x) <= 1.2 * largest + 2 ** -10)
      }),
      { numRuns: 50 },
    )
  })

  it('writes where it is told, and nothing else', () => {
    const target = new Uint8Array(20).fill(7)
    encodeRow('F16', Float32Array.of(1, -2), target, 3)
    expect([...target.subarray(0, 8)]).toEqual([7, 7, 7, 0x00, 0x3c, 0x00, 0xc0, 7])
    encodeRow('F32', Float32Array.of(1), target, 9)
    expect([...target.subarray(8, 14)]).toEqual([7, 0, 0, 0x80, 0x3f, 7])
  })
})
