import { describe, expect, it } from 'vitest'
import { openFile } from '../bytes/file-source.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { sharedData } from '../testing/shared-data.ts'
import { decodeRow } from './decode/decode.ts'
import type { ElementType } from './element-type.ts'
import { openGguf } from './gguf.ts'
import { readFloat32, readRows } from './read.ts'
import type { Tensor } from './tensor.ts'

function tensorOf(shape: readonly number[], type: ElementType = 'F32'): Tensor {
  const values = Float32Array.from({ length: 2 + shape.reduce((a, b) => a * b, 1) }, (_, i) => i)
  const bytes = new Uint8Array(values.buffer)
  return { name: 'w', type, shape, source: new MemorySource('mem', bytes), offset: 8, byteLength: bytes.length - 8 }
}

describe('readRows', () => {
  it.each([
    ['one row at a time', 1, [1, 1, 1, 1, 1]],
    ['whole rows only', 31, [2, 2, 1]],
    ['all at once', 1000, [5]],
  ])('reads %s', async (_, chunkBytes, counts) => {
    const seen: number[] = []
    const got: number[] = []
    for await (const { first, count, bytes } of readRows(tensorOf([5, 3]), undefined, chunkBytes)) {
      expect(first).toBe(got.length / 3)
      seen.push(count)
      got.push(...new Float32Array(bytes.slice().buffer))
    }
    expect(seen).toEqual(counts)
    expect(got).toEqual(Array.from({ length: 15 }, (_, i) => i + 2))
  })

  it('counts rows over all dimensions but the last', async () => {
    const counts: number[] = []
    for await (const { count } of readRows(tensorOf([2, 3, 4]))) counts.push(count)
    expect(counts).toEqual([6])
  })

  it('uses one staging buffer of at most 4 MiB', async () => {
    const buffers = new Set<unknown>()
    for await (const { bytes } of readRows(tensorOf([3000, 1000]))) {
      expect(bytes.buffer.byteLength).toBeLessThanOrEqual(2 ** 22)
      buffers.add(bytes.buffer)
    }
    expect(buffers.size).toBe(1)
  })

  it('yields nothing of an empty tensor', async () => {
    for await (const rows of readRows(tensorOf([0, 4]))) expect.fail(`got ${rows.count} rows`)
  })

  it('stops when aborted between rows', async () => {
    const controller = new AbortController()
    const reading = (async () => {
      for await (const { first } of readRows(tensorOf([5, 3]), controller.signal, 1)) {
        expect(first).toBe(0)
        controller.abort()
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'aborted' })
  })

  it('refuses rows that no model has, before it takes memory for them', async () => {
    const source = new MemorySource('mem', new Uint8Array(0))
    const tensor: Tensor = { name: 'w', type: 'F32', shape: [2 ** 30], source, offset: 0, byteLength: 2 ** 32 }
    await expect(readRows(tensor).next()).rejects.toMatchObject({ code: 'unsupported-format', field: 'w' })
  })
})

describe('readFloat32', () => {
  it.each([[[]], [[4]], [[2, 2]]])('reads a tensor of shape %j', async (shape) => {
    const values = await readFloat32(tensorOf(shape))
    expect([...values]).toEqual([2, 3, 4, 5].slice(0, values.length))
    expect(values.length).toBe(shape.length === 0 ? 1 : 4)
  })

  it('names a type that cannot run', async () => {
    const reading = readFloat32(tensorOf([4], 'F8_E4M3'))
    await expect(reading).rejects.toMatchObject({ code: 'unsupported-type', field: 'w', file: 'mem' })
  })
})

const REFERENCE_MODELS = ['qwen3', 'llama-plain', 'llama3-scaled'] as const

/** GGUF names of tensors whose rows are in the same order in both files, and their Hugging Face names. */
const TWINS = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'blk.0.attn_norm.weight': 'model.layers.0.input_layernorm.weight',
  'blk.0.attn_v.weight': 'model.layers.0.self_attn.v_proj.weight',
  'blk.0.attn_output.weight': 'model.layers.0.self_attn.o_proj.weight',
  'blk.1.ffn_down.weight': 'model.layers.1.mlp.down_proj.weight',
}

describe('twins in GGUF and safetensors', () => {
  const folder = sharedData('refmodels')
  it.skipIf(!folder).each(REFERENCE_MODELS)('hold the same values: %s', async (model) => {
    const gguf = await openGguf(await openFile(`${folder}/${model}/${model}.f32.gguf`))
    const safetensors = await openCheckpoint(`${folder}/${model}`)
    expect(safetensors.format).toBe('safetensors')
    for (const [ggufName, name] of Object.entries(TWINS)) {
      const [ours, theirs] = [gguf.tensors.get(ggufName), safetensors.tensors.get(name)]
      if (!ours || !theirs) return expect.fail(`${ggufName} or ${name} is missing`)
      expect([ours.type, theirs.type]).toEqual(['F32', 'BF16'])
      expect(ours.shape).toEqual(theirs.shape)
      expect(await readFloat32(ours)).toEqual(await readFloat32(theirs))
    }
    await gguf.close()
    await safetensors.close()
  })

  const quantised = sharedData('quantised')
  it.skipIf(!quantised).each([
    ['F16', 1e-3],
    ['BF16', 1e-2],
    ['Q8_0', 1e-2],
    ['Q4_0', 0.15],
  ] as const)('hold nearly the same values in %s', async (type, tolerance) => {
    const exact = await openGguf(await openFile(`${quantised}/qwen3.f32.gguf`))
    const rounded = await openGguf(await openFile(`${quantised}/qwen3.${type}.gguf`))
    let matrices = 0
    for (const [name, tensor] of rounded.tensors) {
      if (tensor.type !== type) continue
      const original = exact.tensors.get(name)
      if (!original) return expect.fail(`${name} is missing`)
      expect(relativeError(await readFloat32(tensor), await readFloat32(original)), name).toBeLessThan(tolerance)
      matrices++
    }
    expect(matrices).toBeGreaterThan(10)
    await exact.close()
    await rounded.close()
  })
})

/** Root of the mean square of the difference, relative to that of `expected`. */
function relativeError(values: Float32Array, expected: Float32Array): number {
  let error = 0
  let norm = 0
  for (let i = 0; i < expected.length; i++) {
    error += (values[i] - expected[i]) ** 2
    norm += expected[i] ** 2
  }
  return Math.sqrt(error / norm)
}

it('decodes a row out of the middle of a chunk', async () => {
  for await (const { bytes } of readRows(tensorOf([5, 3]))) {
    const row = new Float32Array(3)
    decodeRow('F32', bytes, 2 * 12, row)
    expect([...row]).toEqual([8, 9, 10])
  }
})
