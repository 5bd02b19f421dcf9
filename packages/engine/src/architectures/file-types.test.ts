import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { Harness } from '../testing/harness.ts'
import { inputIds, relativeError } from '../testing/reference-logits.ts'
import { sharedData } from '../testing/shared-data.ts'

/*
 * One tiny Qwen3 in every file type of llama-quantize, against llama.cpp's logits. llama.cpp rounds activations to
 * 8 bits, which alone makes a difference of 1e-4 to 2e-3; a wrong weight makes one of 1e-2 or more.
 */

const BOUND = 3e-3

const folder = sharedData('quantised')
const files = folder ? readdirSync(folder).filter((name) => name.endsWith('.gguf')) : []

describe.skipIf(!folder)('file types on the reference backend', () => {
  it.each(files.filter((name) => !name.includes('.f32.')))('%s gives the logits of llama.cpp', async (file) => {
    const bytes = readFileSync(`${folder}/${file.replace('.gguf', '.logits.f32')}`)
    const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    const harness = await Harness.load(`${folder}/${file}`, referenceBackend)
    const logits = await harness.forward(await inputIds(`${folder}/reference.safetensors`), harness.cache.create())
    harness.dispose()
    expect(relativeError(logits, expected)).toBeLessThanOrEqual(BOUND)
  })
})

describe.skipIf(!folder)('file types on the wasm backend', () => {
  it.each(files)('%s gives the logits of the reference backend', async (file) => {
    const ids = await inputIds(`${folder}/reference.safetensors`)
    const logits = async (backend: Backend): Promise<Float32Array> => {
      const harness = await Harness.load(`${folder}/${file}`, backend)
      const rows = await harness.forward(ids, harness.cache.create())
      harness.dispose()
      return rows
    }
    expect(relativeError(await logits(wasmBackend), await logits(referenceBackend))).toBeLessThanOrEqual(1e-3)
  })
})
