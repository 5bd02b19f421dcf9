import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { floatTensor, randomTensor } from '../testing/random-tensors.ts'
import { decodeRow } from './decode/decode.ts'
import { encodeRow } from './encode/encode.ts'
import { joinedTensors } from './joined-tensors.ts'
import { quantizedTensor } from './quantized-tensor.ts'
import { readFloat32 } from './read.ts'
import { reorderedRows } from './reordered-rows.ts'
import type { Tensor } from './tensor.ts'

async function bytesOf({ source, offset, byteLength }: Tensor, start = 0, end = byteLength): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  await source.read(offset + start, bytes)
  return bytes
}

describe('quantizedTensor', () => {
  const floats = randomTensor('t', 'BF16', [7, 512], 5)

  it('is the encoded weights, wherever one begins to read', async () => {
    const expected = new Uint8Array((7 * 512 * 34) / 32)
    encodeRow('Q8_0', await readFloat32(floats), expected, 0)
    const tensor = quantizedTensor(floats, 'Q8_0')
    expect(tensor).toMatchObject({ name: 't', type: 'Q8_0', shape: [7, 512], byteLength: expected.length })
    expect(await bytesOf(tensor)).toEqual(expected)
    const block = fc.nat({ max: (7 * 512) / 32 })
    await fc.assert(
      fc.asyncProperty(block, block, async (a, b) => {
        const [start, end] = [34 * Math.min(a, b), 34 * Math.max(a, b)]
        expect(await bytesOf(tensor, start, end)).toEqual(expected.subarray(start, end))
      }),
    )
    await expect(bytesOf(tensor, 1, 35)).rejects.toThrow(RangeError)
  })

  it('is the same for tensors longer than a piece', async () => {
    const long = randomTensor('t', 'F16', [300, 1024], 6)
    const expected = new Uint8Array((300 * 1024 * 18) / 32)
    encodeRow('Q4_0', await readFloat32(long), expected, 0)
    expect(Buffer.compare(await bytesOf(quantizedTensor(long, 'Q4_0')), expected)).toBe(0)
  })

  it('quantises again what is quantised', async () => {
    const coarse = quantizedTensor(randomTensor('t', 'Q8_0', [2, 64], 7), 'Q4_0')
    const values = new Float32Array(128)
    decodeRow('Q4_0', await bytesOf(coarse), 0, values)
    expect(await readFloat32(coarse)).toEqual(values)
  })

  it('passes on what is of the type already', () => {
    expect(quantizedTensor(floats, 'BF16')).toBe(floats)
  })

  it.each([
    [Number.NaN, 'Q8_0', 'NaN'],
    [Number.POSITIVE_INFINITY, 'F16', 'Infinity'],
    [Number.NEGATIVE_INFINITY, 'BF16', '-Infinity'],
    [1e6, 'Q4_K', '1000000, too large for Q4_K'],
  ] as const)('refuses %d for %s by name and place', async (value, type, words) => {
    const values = new Float32Array(3 * 256)
    values[256 + 17] = value
    const reading = bytesOf(quantizedTensor(floatTensor('blk.0.ffn_up.weight', [3, 256], values), type))
    await expect(reading).rejects.toMatchObject({
      code: 'invalid-checkpoint',
      field: 'blk.0.ffn_up.weight',
      message: expect.stringContaining(`"blk.0.ffn_up.weight" holds ${words}, in row 1, column 17`),
    })
  })

  it('refuses what is no weight', () => {
    expect(() => quantizedTensor({ ...floats, type: 'I32' }, 'Q8_0')).toThrow(
      expect.objectContaining({ code: 'unsupported-type' }),
    )
  })
})

describe('joinedTensors', () => {
  it('is the parts one after the other, in any cut', async () => {
    const parts = [1, 2, 3].map((seed) => randomTensor(`e${seed}`, 'Q8_0', [2, 32], seed))
    const joined = joinedTensors('all', parts)
    expect(joined).toMatchObject({ name: 'all', type: 'Q8_0', shape: [3, 2, 32], byteLength: 3 * 2 * 34 })
    const whole = Buffer.concat(await Promise.all(parts.map((part) => bytesOf(part))))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 204 }), fc.nat({ max: 204 }), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        expect(Buffer.compare(await bytesOf(joined, start, end), whole.subarray(start, end))).toBe(0)
      }),
    )
  })
})

describe('reorderedRows', () => {
  it('reads the rows of each group in the order given, in any cut', async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => i)
    const tensor = reorderedRows(floatTensor('q', [8, 3], values), [0, 2, 1, 3])
    const order = [0, 2, 1, 3, 4, 6, 5, 7].flatMap((row) => [3 * row, 3 * row + 1, 3 * row + 2])
    expect([...(await readFloat32(tensor))]).toEqual(order)
    const whole = Buffer.from(Float32Array.from(order).buffer)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 96 }), fc.nat({ max: 96 }), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        expect(Buffer.compare(await bytesOf(tensor, start, end), whole.subarray(start, end))).toBe(0)
      }),
    )
  })

  it('has rows of one element in a bias', async () => {
    const bias = reorderedRows(floatTensor('b', [4], Float32Array.of(0, 1, 2, 3)), [0, 2, 1, 3])
    expect([...(await readFloat32(bias))]).toEqual([0, 2, 1, 3])
  })
})
