import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { quantizeFile } from '../convert/quantize-file.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { inputIds, relativeError } from '../testing/reference-logits.ts'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { Engine } from './engine.ts'
import type { EngineOptions } from './types.ts'

const quantised = sharedData('quantised')

async function logitsOf(path: string, ids: Int32Array, options: EngineOptions): Promise<Float32Array> {
  const engine = await Engine.load(path, { cacheType: 'f32', ...options })
  const rows: Float32Array[] = []
  await engine.forward(ids, (logits) => rows.push(logits))
  engine.dispose()
  return Float32Array.from(rows.flatMap((row) => [...row]))
}

describe.skipIf(!quantised).each(['reference', 'wasm'] as const)('weights quantised on load, on %s', (backend) => {
  it('to Q8_0 are those of the file that is quantised so', async () => {
    const ids = await inputIds(`${quantised}/reference.safetensors`)
    const file = await logitsOf(`${quantised}/qwen3.Q8_0.gguf`, ids, { backend })
    const folder = await logitsOf(`${quantised}`, ids, { backend, quantize: 'Q8_0' })
    // Norms are BF16 in one and F32 in the other, of the same numbers.
    expect(folder).toEqual(file)
  })

  it('to Q4_0 give the logits of llama.cpp with its file', async () => {
    const ids = await inputIds(`${quantised}/reference.safetensors`)
    const bytes = readFileSync(`${quantised}/qwen3.Q4_0.logits.f32`)
    const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    const folder = await logitsOf(`${quantised}`, ids, { backend, quantize: 'Q4_0' })
    // The wasm kernels round activations as llama.cpp's do, each in their own way.
    expect(relativeError(folder, expected)).toBeLessThanOrEqual(backend === 'wasm' ? 5e-3 : 3e-3)
  })

  it('are told of, and take the memory of what they become', async () => {
    const engine = await Engine.load(`${quantised}`, { backend, quantize: 'Q8_0' })
    const { quantized, types, memory } = engine.info
    engine.dispose()
    expect(quantized).toEqual({ type: 'Q8_0', from: ['BF16'], storedBytes: 2_526_208 })
    expect(types.find(({ type }) => type === 'Q8_0')?.tensors).toBe(15)
    if (backend === 'wasm') expect(memory.weights).toBeLessThan(1_500_000)
  })
})

describe('a folder whose weights are no numbers', () => {
  it('is refused by the name of the tensor when it is quantised on load', async () => {
    const folder = join(temporaryFolder(), 'model')
    cpSync(MIXTRAL_FOLDER, folder, { recursive: true })
    const path = join(folder, 'model.safetensors')
    const bytes = readFileSync(path)
    // Not a number in BF16, where the data begin: in the head, by the order of the alphabet.
    bytes.set([0xff, 0x7f], 8 + Number(bytes.readBigUInt64LE(0)))
    writeFileSync(path, bytes)
    const loading = Engine.load(folder, { backend: 'wasm', quantize: 'Q8_0' })
    await expect(loading).rejects.toMatchObject({ code: 'invalid-checkpoint', file: path, field: 'lm_head.weight' })
    await expect(quantizeFile(folder, join(folder, 'a.gguf'), 'Q8_0')).rejects.toMatchObject({ file: path })
  })
})
