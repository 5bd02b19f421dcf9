import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeRow } from './decode.ts'
import type { RunnableType } from './element-type.ts'

interface Vectors {
  readonly vectors: { readonly [type in RunnableType]?: { readonly stored: string; readonly values: string } }
}

const { vectors }: Vectors = JSON.parse(readFileSync(new URL('fixtures/dequant-vectors.json', import.meta.url), 'utf8'))

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

describe('decodeRow', () => {
  it.each(['BF16', 'Q8_0', 'Q4_0'] as const)('decodes %s as the reference does, bit for bit', (type) => {
    const vector = vectors[type]
    if (!vector) return expect.fail('no such vector')
    const expected = bytesOf(vector.values)
    const target = new Float32Array(expected.length / 4)
    decodeRow(type, bytesOf(vector.stored), 0, target)
    expect(new Uint8Array(target.buffer)).toEqual(expected)
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
