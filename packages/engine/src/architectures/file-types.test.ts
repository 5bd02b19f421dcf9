import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { openFile } from '../bytes/file-source.ts'
import { Harness } from '../testing/harness.ts'
import { sharedData } from '../testing/shared-data.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'

/*
 * One tiny Qwen3 in every file type of llama-quantize, against llama.cpp's logits. llama.cpp rounds activations to
 * 8 bits, which alone makes a difference of 1e-4 to 2e-3; a wrong weight makes one of 1e-2 or more.
 */

const BOUND = 3e-3

const folder = sharedData('quantised')
const files = folder ? readdirSync(folder).filter((name) => name.endsWith('.gguf')) : []

async function inputIds(): Promise<Int32Array> {
  const source = await openFile(`${folder}/reference.safetensors`)
  const tensor = (await readSafetensorsHeader(source)).find(({ name }) => name === 'input_ids')
  if (!tensor) throw new RangeError('no input_ids')
  const bytes = new Uint8Array(tensor.byteLength)
  await source.read(tensor.offset, bytes)
  await source.close()
  return new Int32Array(bytes.buffer)
}

/** Squared differences over squares of what is expected. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  let error = 0
  let scale = 0
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2
    scale += expected[i] ** 2
  }
  return error / scale
}

describe.skipIf(!folder)('file types on the reference backend', () => {
  it.each(files.filter((name) => !name.includes('.f32.')))('%s gives the logits of llama.cpp', async (file) => {
    const bytes = readFileSync(`${folder}/${file.replace('.gguf', '.logits.f32')}`)
    const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    const harness = await Harness.load(`${folder}/${file}`, referenceBackend)
    const logits = await harness.forward(await inputIds(), harness.cache.create())
    harness.dispose()
    expect(relativeError(logits, expected)).toBeLessThanOrEqual(BOUND)
  })
})

describe.skipIf(!folder)('file types on the wasm backend', () => {
  it.each(files)('%s gives the logits of the reference backend', async (file) => {
    const ids = await inputIds()
    const logits = async (backend: Backend): Promise<Float32Array> => {
      const harness = await Harness.load(`${folder}/${file}`, backend)
      const rows = await harness.forward(ids, harness.cache.create())
      harness.dispose()
      return rows
    }
    expect(relativeError(await logits(wasmBackend), await logits(referenceBackend))).toBeLessThanOrEqual(1e-3)
  })
})
