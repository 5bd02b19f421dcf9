import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { openFile } from '../bytes/file-source.ts'
import { Harness, LONGER_THAN_A_PAGE, largestDifference } from '../testing/harness.ts'
import { sharedData } from '../testing/shared-data.ts'
import { readFloat32 } from '../weights/read.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'

/*
 * The model suite: tiny random models of every family against the logits of Hugging Face transformers (float32, eager).
 */

const BACKENDS: { backend: Backend; bound: number }[] = [
  { backend: referenceBackend, bound: 2e-4 },
  { backend: wasmBackend, bound: 2e-3 },
]

interface Model {
  readonly model: string
  readonly folder: string | undefined
  /** Of the folder: as GGUF, and '' for safetensors. */
  readonly files: readonly string[]
}

const shared = sharedData('refmodels')
const MODELS: readonly Model[] = [
  ...['llama-plain', 'llama3-scaled', 'qwen2', 'qwen2-yarn', 'qwen3', 'qwen3-moe'].map((model) => {
    return { model, folder: shared && `${shared}/${model}`, files: [`${model}.f32.gguf`, ''] }
  }),
  ...['mixtral', 'qwen3-moe-mixed', 'qwen3-fp8'].map((model) => {
    return { model, folder: fileURLToPath(new URL(`fixtures/${model}`, import.meta.url)), files: [''] }
  }),
]

interface Reference {
  ids: number[]
  logits: Float32Array
  greedy: number[]
}

async function readReference(folder: string): Promise<Reference> {
  const source = await openFile(`${folder}/reference.safetensors`)
  const tensors = new Map((await readSafetensorsHeader(source)).map((tensor) => [tensor.name, tensor]))
  const integers = async (name: string) => {
    const tensor = tensors.get(name)
    if (!tensor) throw new RangeError(`no ${name}`)
    const bytes = new Uint8Array(tensor.byteLength)
    await source.read(tensor.offset, bytes)
    return [...new Int32Array(bytes.buffer)]
  }
  const logits = tensors.get('logits')
  if (!logits) throw new RangeError('no logits')
  const reference = {
    ids: await integers('input_ids'),
    logits: await readFloat32(logits),
    greedy: await integers('greedy_ids'),
  }
  await source.close()
  return reference
}

for (const { backend, bound } of BACKENDS) {
  for (const { model, folder = '', files } of MODELS) {
    for (const file of files) {
      describe.skipIf(!folder)(`${model} from ${file || 'safetensors'} on ${backend.name}`, () => {
        let harness: Harness
        let reference: Reference

        beforeAll(async () => {
          reference = await readReference(folder)
          harness = await Harness.load(`${folder}/${file}`, backend)
        })
        afterAll(() => harness?.dispose())

        it('gives the logits of Hugging Face', async () => {
          const logits = await harness.forward(reference.ids, harness.cache.create())
          expect(largestDifference(logits, reference.logits)).toBeLessThanOrEqual(bound)
        })

        it('writes the same greedy tokens', async () => {
          expect(await harness.greedy(reference.ids, reference.greedy.length)).toEqual(reference.greedy)
        })
      })
    }
    describe.skipIf(!folder)(`sequences of ${model} on ${backend.name}`, () => testSequences(folder, backend))
  }
}

function testSequences(folder: string, backend: Backend): void {
  let harness: Harness
  let ids: number[]
  let whole: Float32Array
  const rows = (from: number, to: number) => whole.subarray(from * harness.vocabulary, to * harness.vocabulary)

  beforeAll(async () => {
    const reference = await readReference(folder)
    ids = [...reference.ids, ...reference.greedy, ...reference.ids].slice(0, LONGER_THAN_A_PAGE)
    harness = await Harness.load(folder, backend)
    whole = await harness.forward(ids, harness.cache.create())
  })
  afterAll(() => harness?.dispose())

  it('continue from the cache as if recomputed', async () => {
    const sequence = harness.cache.create()
    await harness.forward(ids.slice(0, 50), sequence)
    for (let i = 50; i < ids.length; i++) {
      const logits = await harness.forward([ids[i]], sequence)
      expect(largestDifference(logits, rows(i, i + 1))).toBeLessThanOrEqual(1e-3)
    }
  })

  it('give the same logits in chunks of any size', async () => {
    for (const maxTokens of [1, 3, 16]) {
      const chunked = await Harness.load(folder, backend, { maxTokens })
      const logits = await chunked.forward(ids, chunked.cache.create())
      expect(largestDifference(logits, whole)).toBeLessThanOrEqual(1e-3)
      chunked.dispose()
    }
  })

  it('do not disturb each other in one batch', async () => {
    const prompts = [ids.slice(0, 5), ids.slice(10, 43), ids.slice(3)]
    const alone = []
    for (const prompt of prompts) alone.push(await harness.greedy(prompt, 12))
    expect(await Promise.all(prompts.map((prompt) => harness.greedy(prompt, 12)))).toEqual(alone)
  })

  it('fork and truncate as if fresh', async () => {
    const sequence = harness.cache.create()
    await harness.forward(ids.slice(0, 66), sequence)
    const fork = harness.cache.fork(sequence)
    const other = await harness.forward(ids.slice(0, 3), sequence)
    expect(largestDifference(await harness.forward(ids.slice(66), fork), rows(66, ids.length))).toBeLessThan(1e-3)
    const fresh = await harness.forward([...ids.slice(0, 66), ...ids.slice(0, 3)], harness.cache.create())
    expect(largestDifference(other, fresh.subarray(66 * harness.vocabulary))).toBeLessThanOrEqual(1e-3)
    expect(largestDifference(await harness.forward(ids.slice(30, 40), sequence, 30), rows(30, 40))).toBeLessThan(1e-3)
  })
}
