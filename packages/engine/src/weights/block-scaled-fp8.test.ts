import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openFile } from '../bytes/file-source.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError } from '../errors.ts'
import { floatTensor } from '../testing/random-tensors.ts'
import { decodedFp8, E4M3 } from './block-scaled-fp8.ts'
import { readFloat32, readRows } from './read.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import type { Tensor } from './tensor.ts'

const FILE = 'm.safetensors'

function stored(name: string, shape: readonly number[], bytes: Uint8Array): Tensor {
  // As in a file, other tensors lie before it.
  const file = new Uint8Array(11 + bytes.length)
  file.set(bytes, 11)
  return { name, type: 'F8_E4M3', shape, source: new MemorySource(FILE, file), offset: 11, byteLength: bytes.length }
}

const tensors = (shape: readonly number[], factors: Tensor) => {
  const bytes = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7) % 127)
  return new Map([
    ['w', stored('w', shape, bytes)],
    ['w_scale_inv', factors],
  ])
}

describe('E4M3', () => {
  it('has the values of its definition', () => {
    const known: [number, number][] = [
      [0x00, 0],
      [0x01, 2 ** -9],
      [0x07, 7 * 2 ** -9],
      [0x08, 2 ** -6],
      [0x38, 1],
      [0x39, 1.125],
      [0x7e, 448],
      [0xb8, -1],
      [0xfe, -448],
      [0x80, -0],
    ]
    for (const [bits, value] of known) expect(E4M3[bits]).toBe(value)
    expect([...E4M3.keys()].filter((bits) => Number.isNaN(E4M3[bits]))).toEqual([0x7f, 0xff])
  })
})

describe('an FP8 tensor with block factors', () => {
  it('is read as float32, however it is cut', async () => {
    const factors = Float32Array.of(1, 10, 100, 0.1, 3, 7)
    const shape = [257, 130]
    const all = decodedFp8(tensors(shape, floatTensor('w_scale_inv', [3, 2], factors)))
    const tensor = all.get('w')
    if (!tensor) expect.fail('It is gone.')
    expect(tensor).toMatchObject({ type: 'F32', shape, byteLength: 4 * 257 * 130 })
    const values = await readFloat32(tensor)
    for (const [row, column, factor] of [
      [0, 0, 1],
      [127, 127, 1],
      [127, 128, 10],
      [128, 0, 100],
      [255, 129, 0.1],
      [256, 1, 3],
      [256, 129, 7],
    ]) {
      const i = row * 130 + column
      expect(values[i], `row ${row}, column ${column}`).toBe(Math.fround(E4M3[(i * 7) % 127] * Math.fround(factor)))
    }
    const pieces: number[] = []
    for await (const { bytes } of readRows(tensor, undefined, 1000)) {
      pieces.push(...new Float32Array(bytes.slice().buffer))
    }
    expect(Float32Array.from(pieces)).toEqual(values)
  })

  it('has the values that torch gives it, to the bit', async () => {
    const folder = fileURLToPath(new URL('../architectures/fixtures/qwen3-fp8', import.meta.url))
    const read = async (file: string, name: string) => {
      const source = await openFile(`${folder}/${file}`)
      const all = new Map((await readSafetensorsHeader(source)).map((tensor) => [tensor.name, tensor]))
      const tensor = decodedFp8(all).get(name)
      if (!tensor) expect.fail(`${name} is missing.`)
      const values = await readFloat32(tensor)
      await source.close()
      return values
    }
    const ours = await read('model.safetensors', 'model.layers.0.mlp.down_proj.weight')
    expect(ours).toEqual(await read('reference.safetensors', 'down_proj'))
  })

  it('passes on what has no factors', () => {
    const map = tensors([2, 2], floatTensor('w_scale_inv', [1, 1], Float32Array.of(1)))
    map.delete('w_scale_inv')
    expect(decodedFp8(map)).toEqual(map)
  })

  it.each([[[2, 1]], [[1, 2]], [[1]], [[1, 1, 1]]])('refuses factors %j', (shape) => {
    const factors = floatTensor('w_scale_inv', shape, new Float32Array(shape.reduce((a, b) => a * b)))
    const decode = () => decodedFp8(tensors([128, 128], factors))
    expect(decode).toThrow(CheckpointError)
    expect(decode).toThrow(`[${shape.join(', ')}]`)
  })
})
