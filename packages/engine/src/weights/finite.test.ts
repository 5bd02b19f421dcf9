import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemorySource } from '../bytes/memory-source.ts'
import { decodeRow } from './decode/decode.ts'
import { DECODABLE_TYPES, type DecodableType, ELEMENT_LAYOUTS } from './element-type.ts'
import { areFinite } from './finite.ts'
import { readFloat32, readRows } from './read.ts'

const BLOCKS = 4

function decoded(type: DecodableType, bytes: Uint8Array): Float32Array {
  const target = new Float32Array(BLOCKS * ELEMENT_LAYOUTS[type].blockLength)
  decodeRow(type, bytes, 0, target)
  return target
}

describe('weights that are not finite numbers', () => {
  it.each(DECODABLE_TYPES)('of %s are found, wherever decoding gives one', (type) => {
    const { blockBytes } = ELEMENT_LAYOUTS[type]
    const blocks = fc.uint8Array({ minLength: BLOCKS * blockBytes, maxLength: BLOCKS * blockBytes })
    // Bytes that make exponents of ones, often.
    const spikes = fc.array(fc.tuple(fc.nat(BLOCKS * blockBytes - 1), fc.constantFrom(0x7f, 0x7c, 0xfc, 0xff, 0xf0)), {
      maxLength: 4,
    })
    let found = 0
    fc.assert(
      fc.property(blocks, spikes, fc.boolean(), (random, changes, isCalm) => {
        const bytes = random.slice()
        // Random bytes alone are rarely all finite: here half of them have no exponent of ones.
        if (isCalm) for (let i = 0; i < bytes.length; i++) bytes[i] &= 0x3b
        for (const [place, value] of changes) bytes[place] = value
        const isRight = decoded(type, bytes).every(Number.isFinite)
        if (!isRight) found++
        // MXFP4 may have a factor beyond all floats and no weight but 0.
        if (type === 'MXFP4' && isRight) return
        expect(areFinite(type, bytes)).toBe(isRight)
      }),
      { numRuns: 2000 },
    )
    // NVFP4's only NaN is read as 0, as in ggml.
    if (type !== 'NVFP4') expect(found).toBeGreaterThan(0)
  })

  it.each([
    ['NaN', Number.NaN],
    ['infinite', Number.NEGATIVE_INFINITY],
  ])('that are %s stop the reading, and the row is named', async (_, odd) => {
    const values = new Float32Array(64)
    values[40] = odd
    const bytes = new Uint8Array(values.buffer)
    const source = new MemorySource('m.gguf', bytes)
    const tensor = { name: 'blk.0.w', type: 'F32', shape: [4, 16], source, offset: 0, byteLength: 256 } as const
    const problem = { code: 'invalid-checkpoint', file: 'm.gguf', field: 'blk.0.w' }
    await expect(readFloat32(tensor)).rejects.toMatchObject(problem)
    const rows = readRows(tensor, undefined, 64)
    await rows.next()
    await rows.next()
    await expect(rows.next()).rejects.toMatchObject({ message: expect.stringContaining('row 2 ') })
  })
})
