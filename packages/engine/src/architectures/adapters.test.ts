import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { openFile } from '../bytes/file-source.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { Harness, largestDifference } from '../testing/harness.ts'
import { randomNumbers } from '../testing/random-tensors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { readFloat32 } from '../weights/read.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'
import { describe as describeModel } from './describe.ts'

/*
 * Adapters made with PEFT on tiny random models, against the logits that transformers and PEFT compute with them.
 */

const fixture = (path: string) => fileURLToPath(new URL(`fixtures/adapters/${path}`, import.meta.url))

interface Case {
  readonly model: string
  readonly file: string
  /** And which of the file's logits are theirs. */
  readonly adapters: readonly { readonly name: string; readonly key: string }[]
}

const CASES: readonly Case[] = [
  {
    model: 'qwen3',
    file: 'qwen3-logits.safetensors',
    adapters: [
      { name: 'qwen3-everywhere', key: 'first' },
      { name: 'qwen3-patterns', key: 'second' },
      { name: 'qwen3-patterns/adapter_model.safetensors', key: 'second' },
      { name: 'qwen3-patterns.gguf', key: 'second' },
      // Of the head only, where that is the embedding table.
      { name: 'llama-head', key: 'head' },
    ],
  },
  {
    model: 'llama3-scaled',
    file: 'llama-logits.safetensors',
    adapters: [
      { name: 'llama-attention', key: 'first' },
      { name: 'llama-attention.gguf', key: 'first' },
      { name: 'llama-head', key: 'second' },
    ],
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
  const logits = new Map<string, Float32Array>()
  for (const name of tensors.keys()) if (name !== 'input_ids') logits.set(name, await readFloat32(tensor(name)))
  const ids = [...new Int32Array(bytes.buffer)]
  await source.close()
  return { ids, logits }
}

for (const { model, file: logits, adapters } of CASES) {
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
        const stored = (key: string) => expected.logits.get(key) ?? []
        const [first, second] = ['first', 'second'].map((key) => adapters.find((adapter) => adapter.key === key)?.name)
        const last = async () => (await compute()).subarray(-ROWS * harness.vocabulary)

        it.each(adapters)('$name gives the logits of Hugging Face', async ({ name, key }) => {
          const adapter = await harness.attach(fixture(name))
          expect(largestDifference(await last(), stored(key))).toBeLessThanOrEqual(bound)
          adapter.detach()
        })

        it('two at once, with scales, give the logits of Hugging Face', async () => {
          const one = await harness.attach(fixture(`${first}`), 0.5)
          const other = await harness.attach(fixture(`${second}`))
          other.setScale(-1.25)
          expect(largestDifference(await last(), stored('both'))).toBeLessThanOrEqual(bound)
          one.detach()
          other.setScale(1)
          expect(largestDifference(await last(), stored('second'))).toBeLessThanOrEqual(bound)
          other.detach()
        })

        it('serve a token at a time as they serve many', async () => {
          const adapter = await harness.attach(fixture(`${first}`))
          const whole = await compute()
          const sequence = harness.cache.create()
          await harness.forward(expected.ids.slice(0, 9), sequence)
          for (let i = 9; i < expected.ids.length; i++) {
            const row = whole.subarray(i * harness.vocabulary, (i + 1) * harness.vocabulary)
            expect(await harness.forward([expected.ids[i]], sequence)).toEqual(row)
          }
          adapter.detach()
        })

        it('detached leave no trace', async () => {
          const before = await compute()
          const adapter = await harness.attach(fixture(`${first}`))
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

describe('an adapter of a quantised model', () => {
  const folder = sharedData('quantised')

  it.skipIf(!folder)('gives on wasm what it gives on reference', async () => {
    const path = `${folder}/qwen3.Q8_0.gguf`
    const adapter = await randomAdapter(path, { rank: 6, alpha: 3 })
    const ids = Array.from({ length: 20 }, (_, i) => (i * 37) % 300)
    const logits = []
    for (const { backend } of BACKENDS) {
      const harness = await Harness.load(path, backend)
      const before = await harness.forward(ids, harness.cache.create())
      const attached = await harness.attach(adapter)
      logits.push(await harness.forward(ids, harness.cache.create()))
      attached.detach()
      expect(await harness.forward(ids, harness.cache.create())).toEqual(before)
      expect(squaredError(before, logits[logits.length - 1])).toBeGreaterThan(0.05)
      harness.dispose()
    }
    expect(squaredError(logits[1], logits[0])).toBeLessThan(1e-3)
  })
})

describe('an adapter of a mixture of experts', () => {
  const path = fileURLToPath(new URL('fixtures/mixtral', import.meta.url))

  it.each(BACKENDS)('changes attention on $backend.name, and cannot change experts', async ({ backend }) => {
    const harness = await Harness.load(path, backend)
    const ids = [1, 2, 3, 4, 5]
    const before = await harness.forward(ids, harness.cache.create())
    const attached = await harness.attach(await randomAdapter(path, { rank: 2, alpha: 2 }))
    expect(squaredError(await harness.forward(ids, harness.cache.create()), before)).toBeGreaterThan(0.01)
    attached.detach()
    expect(await harness.forward(ids, harness.cache.create())).toEqual(before)
    for (const name of ['blk.0.ffn_gate.1.weight', 'blk.0.ffn_gate_inp.weight', 'token_embd.weight']) {
      const adapter = await adapterFile([{ name, rows: 24, columns: 32 }], { rank: 2, alpha: 2 }, 'llama')
      await expect(harness.attach(adapter)).rejects.toMatchObject({ code: 'unsupported-adapter', field: name })
    }
    harness.dispose()
  })
})

/** A GGUF adapter for all linear weights of a model. */
async function randomAdapter(path: string, lora: { rank: number; alpha: number }): Promise<string> {
  const checkpoint = await openCheckpoint(path)
  const { graph, architecture } = await describeModel(checkpoint)
  await checkpoint.close()
  const weights = graph.operations.flatMap((operation) => (operation.kind === 'linear' ? [operation.weight] : []))
  return adapterFile(
    weights.map((weight) => ({ ...weight, name: weight.name.replace('token_embd', 'output') })),
    lora,
    architecture.name,
  )
}

async function adapterFile(
  weights: readonly { name: string; rows: number; columns: number }[],
  { rank, alpha }: { rank: number; alpha: number },
  architecture: string,
): Promise<string> {
  const random = randomNumbers(7)
  const floats = (count: number) => {
    const data = new Uint8Array(Float32Array.from({ length: count }, () => (random() - 0.5) * 0.3).buffer)
    return { ggmlType: 0, data }
  }
  const path = join(temporaryFolder(), 'adapter.gguf')
  const file = writeGguf({
    fields: [
      { key: 'general.type', type: GGUF.STRING, value: 'adapter' },
      { key: 'adapter.type', type: GGUF.STRING, value: 'lora' },
      { key: 'general.architecture', type: GGUF.STRING, value: architecture },
      { key: 'adapter.lora.alpha', type: GGUF.F32, value: alpha },
    ],
    tensors: weights.flatMap(({ name, rows, columns }) => [
      { name: `${name}.lora_a`, dimensions: [columns, rank], ...floats(columns * rank) },
      { name: `${name}.lora_b`, dimensions: [rank, rows], ...floats(rank * rows) },
    ]),
  })
  await writeFile(path, file)
  return path
}

/** Normalised by the size of what is right. */
function squaredError(actual: Float32Array, right: Float32Array): number {
  let [error, size] = [0, 0]
  right.forEach((value, i) => {
    error += (actual[i] - value) ** 2
    size += value ** 2
  })
  return error / size
}
