import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { openFile } from '../bytes/file-source.ts'
import { Harness, largestDifference } from '../testing/harness.ts'
import { sharedData } from '../testing/shared-data.ts'
import { readFloat32 } from '../weights/read.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'

/*
 * Adapters made with PEFT on tiny random models, against the logits that transformers and PEFT compute with them.
 */

const fixture = (path: string) => fileURLToPath(new URL(`fixtures/adapters/${path}`, import.meta.url))

const CASES = [
  {
    model: 'qwen3',
    logits: 'qwen3-logits.safetensors',
    first: ['qwen3-everywhere'],
    second: ['qwen3-patterns', 'qwen3-patterns/adapter_model.safetensors', 'qwen3-patterns.gguf'],
  },
  {
    model: 'llama3-scaled',
    logits: 'llama-logits.safetensors',
    first: ['llama-attention', 'llama-attention.gguf'],
    second: ['llama-head'],
  },
]

const ROWS = 5
const BACKENDS = [
  { backend: referenceBackend, bound: 2e-4 },
  { backend: wasmBackend, bound: 2e-3 },
]

async function readLogits(path: string) {
  const source = await openFile(path)
  const tensors = new Map((await readSafetensorsHeader(source)).map((tensor) => [tensor.name, tensor]))
  const tensor = (name: string) => {
    const found = tensors.get(name)
    if (!found) throw new RangeError(`no ${name}`)
    return found
  }
  const bytes = new Uint8Array(tensor('input_ids').byteLength)
  await source.read(tensor('input_ids').offset, bytes)
  const read = {
    ids: [...new Int32Array(bytes.buffer)],
    first: await readFloat32(tensor('first')),
    second: await readFloat32(tensor('second')),
    both: await readFloat32(tensor('both')),
  }
  await source.close()
  return read
}

for (const { model, logits, first, second } of CASES) {
  const folder = sharedData(`refmodels/${model}`)
  for (const { backend, bound } of BACKENDS) {
    for (const file of [`${model}.f32.gguf`, '']) {
      describe.skipIf(!folder)(`adapters of ${model} from ${file || 'safetensors'} on ${backend.name}`, () => {
        let harness: Harness
        let expected: Awaited<ReturnType<typeof readLogits>>

        beforeAll(async () => {
          expected = await readLogits(fixture(logits))
          harness = await Harness.load(`${folder}/${file}`, backend)
        })
        afterAll(() => harness?.dispose())

        const compute = async () => harness.forward(expected.ids, harness.cache.create())
        const last = async () => (await compute()).subarray(-ROWS * harness.vocabulary)

        it.each(first.map((name) => [name]))('%s gives the logits of Hugging Face', async (name) => {
          const adapter = await harness.attach(fixture(name))
          expect(largestDifference(await last(), expected.first)).toBeLessThanOrEqual(bound)
          adapter.detach()
        })

        it.each(second.map((name) => [name]))('%s gives the logits of Hugging Face', async (name) => {
          const adapter = await harness.attach(fixture(name))
          expect(largestDifference(await last(), expected.second)).toBeLessThanOrEqual(bound)
          adapter.detach()
        })

        it('two at once, with scales, give the logits of Hugging Face', async () => {
          const one = await harness.attach(fixture(first[0]), 0.5)
          const other = await harness.attach(fixture(second[0]))
          other.setScale(-1.25)
          expect(largestDifference(await last(), expected.both)).toBeLessThanOrEqual(bound)
          one.detach()
          other.setScale(1)
          expect(largestDifference(await last(), expected.second)).toBeLessThanOrEqual(bound)
          other.detach()
        })

        it('detached leave no trace', async () => {
          const before = await compute()
          const adapter = await harness.attach(fixture(first[0]))
          const during = await compute()
          adapter.detach()
          adapter.detach()
          expect(largestDifference(during, before)).toBeGreaterThan(0.1)
          expect(await compute()).toEqual(before)
        })
      })
    }
  }
}
