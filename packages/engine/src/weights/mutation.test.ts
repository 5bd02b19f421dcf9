import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ByteSource } from '../bytes/byte-source.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { LajuError } from '../errors.ts'
import { MUTATIONS, seeded } from '../testing/mutations.ts'
import { sharedData } from '../testing/shared-data.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { writeSafetensors } from '../testing/write-safetensors.ts'
import { openGguf } from './gguf.ts'
import { readRows } from './read.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import type { Tensor } from './tensor.ts'

/*
 * A parser fed with broken files must answer with tensors that can be read or with an error that we throw on purpose;
 * soon, and in little memory. The random numbers are seeded: a failure names the case, which happens every time.
 */

const MILLISECONDS_A_CASE = 1000
const BYTES_A_CASE = 200e6

/** Whether it still opens. What it opens must be in the file and readable. */
async function survives(file: Uint8Array, list: (source: ByteSource) => Promise<Iterable<Tensor>>): Promise<boolean> {
  try {
    const tensors = [...(await list(new MemorySource('mutated', file)))]
    tensors.sort((a, b) => a.offset - b.offset)
    let end = 0
    for (const tensor of tensors) {
      if (tensor.byteLength === 0) continue
      if (tensor.offset < end) expect.fail(`${tensor.name} overlaps another`)
      end = tensor.offset + tensor.byteLength
      if (end > file.length) expect.fail(`${tensor.name} lies outside the file`)
      for await (const { bytes } of readRows(tensor)) expect(bytes.length).toBeGreaterThan(0)
    }
    return true
  } catch (error) {
    if (error instanceof LajuError) return false
    throw error
  }
}

async function attack(
  original: Uint8Array,
  headerLength: number,
  cases: number,
  list: (source: ByteSource) => Promise<Iterable<Tensor>>,
): Promise<void> {
  expect(await survives(original, list)).toBe(true)
  const names = Object.keys(MUTATIONS)
  let survivors = 0
  for (let i = 0; i < cases; i++) {
    const random = seeded(i)
    const name = names[i % names.length]
    let file = original.slice()
    const times = 1 + random(3)
    for (let k = 0; k < times; k++) {
      if (file.length > 64) file = MUTATIONS[name](file, Math.min(headerLength, file.length), random).slice()
    }
    const memory = process.memoryUsage.rss()
    const start = performance.now()
    try {
      if (await survives(file, list)) survivors++
    } catch (cause) {
      throw new Error(`Case ${i} (${name}) failed otherwise than it may.`, { cause })
    }
    if (performance.now() - start > MILLISECONDS_A_CASE) expect.fail(`case ${i} (${name}) took too long`)
    if (process.memoryUsage.rss() - memory > BYTES_A_CASE) expect.fail(`case ${i} (${name}) took too much memory`)
  }
  // Mutations that never or always matter would test nothing.
  expect(survivors).toBeGreaterThan(0)
  expect(survivors).toBeLessThan(cases * 0.9)
}

const listGguf = async (source: ByteSource): Promise<Iterable<Tensor>> => (await openGguf(source)).tensors.values()

describe('mutated files', () => {
  it('GGUF', async () => {
    const file = writeGguf({
      fields: [
        { key: 'general.architecture', type: GGUF.STRING, value: 'llama' },
        { key: 'llama.block_count', type: GGUF.U32, value: 2 },
        { key: 'llama.rope.freq_base', type: GGUF.F32, value: 1e4 },
        { key: 'llama.windows', type: GGUF.BOOL, value: [true, false] },
        { key: 'tokenizer.ggml.tokens', type: GGUF.STRING, value: ['<s>', 'a', 'b', 'ab'] },
        { key: 'tokenizer.ggml.scores', type: GGUF.F32, value: [0, -1, -2, -3] },
        { key: 'general.size', type: GGUF.U64, value: 12_345 },
      ],
      tensors: [
        { name: 'token_embd.weight', dimensions: [32, 4], ggmlType: 8, data: new Uint8Array(136) },
        { name: 'blk.0.attn_q.weight', dimensions: [32, 32], ggmlType: 2, data: new Uint8Array(576) },
        { name: 'output_norm.weight', dimensions: [32], ggmlType: 0, data: new Uint8Array(128) },
      ],
    })
    await attack(file, file.length - 136 - 576 - 128, 3500, listGguf)
  })

  it('safetensors', async () => {
    const header = {
      'model.embed_tokens.weight': { dtype: 'BF16', shape: [4, 32], data_offsets: [0, 256] },
      'model.norm.weight': { dtype: 'F32', shape: [32], data_offsets: [256, 384] },
      'lm_head.weight': { dtype: 'F16', shape: [4, 32], data_offsets: [384, 640] },
    }
    const file = writeSafetensors(header, new Uint8Array(640))
    await attack(file, file.length - 640, 3500, (source) => readSafetensorsHeader(source))
  })

  const model = sharedData('refmodels/qwen3')
  it.skipIf(!model)('a real GGUF', async () => {
    const file = new Uint8Array(readFileSync(`${model}/qwen3.f32.gguf`))
    await attack(file, 12_000, 350, listGguf)
  })

  it.skipIf(!model)('a real safetensors file', async () => {
    const file = new Uint8Array(readFileSync(`${model}/model.safetensors`))
    await attack(file, 4000, 350, (source) => readSafetensorsHeader(source))
  })
})
