import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DECODABLE_TYPES, type DecodableType } from '../element-type.ts'
import { decodeRow } from './decode.ts'

interface Vectors {
  readonly vectors: { readonly [type in DecodableType]?: { readonly stored: string; readonly values: string } }
}

const { vectors }: Vectors = JSON.parse(readFileSync(new URL('fixtures/dequant-vectors.json', import.meta.url), 'utf8'))

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

describe('decodeRow', () => {
  it.each(DECODABLE_TYPES.filter((type) => type in vectors))(
    'decodes %s as the reference does, bit for bit',
    (type) => {
      const vector = vectors[type]
      if (!vector) return expect.fail('no such vector')
      const expected = bytesOf(vector.values)
      const target = new Float32Array(expected.length / 4)
      decodeRow(type, bytesOf(vector.stored), 0, target)
      expect(new Uint8Array(target.buffer)).toEqual(expected)
    },
  )

  it('decodes bits', () => {
    const target = new Float32Array(128)
    decodeRow('Q1_0', Uint8Array.of(0x00, 0x40, 0b101, ...new Uint8Array(15)), 0, target)
    expect([...target.subarray(0, 4), target[127]]).toEqual([2, -2, 2, -2, -2])
    const pairs = new Float32Array(64)
    decodeRow('Q2_0', Uint8Array.of(0x00, 0x40, 0b11_10_01_00, ...new Uint8Array(15)), 0, pairs)
    expect([...pairs.subarray(0, 5)]).toEqual([-2, 0, 2, 4, -2])
  })

  it('decodes halves', () => {
    const target = new Float32Array(3)
    decodeRow('F16', Uint8Array.of(0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00), 0, target)
    expect([...target]).toEqual([1, -2, 2 ** -24])
  })

  it('keeps the bits of floats, from an offset into a part of the target', () => {
    const stored = Uint8Array.of(9, 1, 2, 0x80, 0x7f, 0, 0, 0x80, 0x3f)
    const target = new Float32Array(4)
    decodeRow('F32', stored, 1, target.subarray(1, 3))
    expect([...new Uint8Array(target.buffer)]).toEqual([0, 0, 0, 0, 1, 2, 0x80, 0x7f, 0, 0, 0x80, 0x3f, 0, 0, 0, 0])
  })
})
