import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError } from '../errors.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { floatTensor } from '../testing/random-tensors.ts'
import type { AdapterFile } from '../weights/adapter.ts'
import { describe as describeModel, type ModelDescription } from './describe.ts'
import { fitAdapter } from './fit-adapter.ts'
import { ggufNameOf } from './tensor-names.ts'

/** 4 heads of 8 on 2, width 32, 3 layers; of Hugging Face, so that heads pair halves. */
const path = fileURLToPath(new URL('fixtures/mixtral', import.meta.url))
const Q = 'model.layers.2.self_attn.q_proj.weight'
const K = 'blk.0.attn_k.weight'

let model: ModelDescription
beforeAll(async () => {
  const checkpoint = await openCheckpoint(path)
  model = await describeModel(checkpoint)
  await checkpoint.close()
})

function adapter(
  format: AdapterFile['format'],
  pairs: Readonly<Record<string, { a: Float32Array; b: Float32Array }>>,
  architecture: string | undefined = 'llama',
): AdapterFile {
  const entries = Object.entries(pairs).map(([name, { a, b }]) => {
    const pair = { a: floatTensor(`${name}.a`, [1, a.length], a), b: floatTensor(`${name}.b`, [b.length, 1], b) }
    return [name, { ...pair, rank: 1, scale: 1 }] as const
  })
  return { format, name: 'lora', baseModel: undefined, architecture, pairs: new Map(entries), close: async () => {} }
}

const ones = (count: number) => new Float32Array(count).fill(1)
const numbered = (count: number) => Float32Array.from({ length: count }, (_, i) => i)
const failure = (file: AdapterFile) => fitAdapter(file, model).catch((error: unknown) => error)

describe('fitAdapter', () => {
  it('finds weights by the names of either format', async () => {
    const names = async (file: AdapterFile) => [...(await fitAdapter(file, model)).keys()]
    expect(await names(adapter('peft', { [Q]: { a: ones(32), b: ones(32) } }))).toEqual(['blk.2.attn_q.weight'])
    // As of a model without its head.
    const headless = Q.replace('model.', '')
    expect(await names(adapter('peft', { [headless]: { a: ones(32), b: ones(32) } }))).toEqual(['blk.2.attn_q.weight'])
    expect(await names(adapter('gguf', { [K]: { a: ones(32), b: ones(16) } }))).toEqual([K])
  })

  it('reorders rows of queries and keys between the formats', async () => {
    const updates = await fitAdapter(adapter('gguf', { [K]: { a: ones(32), b: numbered(16) } }), model)
    expect([...(updates.get(K)?.b ?? [])]).toEqual([0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15])
    const interleaved = { ...model.config.rotary, pairing: 'interleaved' as const }
    const other = { ...model, config: { ...model.config, rotary: interleaved } }
    const name = 'model.layers.0.self_attn.k_proj.weight'
    const back = await fitAdapter(adapter('peft', { [name]: { a: ones(32), b: numbered(16) } }), other)
    expect([...(back.get(K)?.b ?? [])]).toEqual([0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15])
    const output = 'blk.0.attn_output.weight'
    const same = await fitAdapter(adapter('gguf', { [output]: { a: ones(32), b: numbered(32) } }), model)
    expect(same.get(output)?.b).toEqual(numbered(32))
  })

  it('refuses what does not fit, and names it', async () => {
    const both = { a: ones(32), b: ones(32) }
    for (const [target, pair] of [
      ['model.layers.3.self_attn.q_proj.weight', both],
      ['model.layers.02.self_attn.q_proj.weight', both],
      ['model.layers.1.self_attn.c_attn.weight', both],
      ['constructor', both],
      [Q, { a: ones(31), b: ones(32) }],
      [Q, { a: ones(32), b: ones(16) }],
    ] as const) {
      const error = await failure(adapter('peft', { [target]: pair }))
      expect(error).toBeInstanceOf(CheckpointError)
      expect(error).toMatchObject({ code: 'adapter-mismatch', field: target, remedy: expect.any(String) })
    }
    const twice = { [Q]: both, [Q.replace('model.', '')]: both }
    expect(await failure(adapter('peft', twice))).toMatchObject({ code: 'adapter-mismatch' })
    for (const family of ['qwen3', undefined]) {
      expect(await failure(adapter('gguf', { [K]: { a: ones(32), b: ones(16) } }, family ?? ''))).toMatchObject({
        code: 'adapter-mismatch',
        field: 'general.architecture',
      })
    }
    const expert = 'model.layers.0.block_sparse_moe.experts.1.w1.weight'
    expect(await failure(adapter('peft', { [expert]: both }))).toMatchObject({ code: 'unsupported-adapter' })
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses the value %s', async (value) => {
    for (const part of ['a', 'b'] as const) {
      const pair = { a: ones(32), b: ones(32) }
      pair[part][17] = value
      const error = await failure(adapter('peft', { [Q]: pair }))
      expect(error).toMatchObject({ code: 'invalid-checkpoint', field: `${Q}.${part}` })
    }
  })

  it('refuses a file that has become shorter', async () => {
    const file = adapter('peft', { [Q]: { a: ones(32), b: ones(32) } })
    const [[name, pair]] = file.pairs
    const short = { ...pair.b, source: new MemorySource('short', new Uint8Array(5)) }
    const broken = { ...file, pairs: new Map([[name, { ...pair, b: short }]]) }
    expect(await failure(broken)).toMatchObject({ code: 'truncated' })
  })
})

it('ggufNameOf knows layers and experts of any number', () => {
  const { huggingFaceTensors } = model.architecture
  const name = (huggingFace: string) => ggufNameOf(huggingFace, huggingFaceTensors)
  expect(name('model.layers.117.block_sparse_moe.experts.63.w2.weight')).toBe('blk.117.ffn_down.63.weight')
  expect(name('lm_head.weight')).toBe('output.weight')
  expect(name('layers.5.mlp.up_proj.weight')).toBe('blk.5.ffn_up.weight')
  expect(name('model.layers.{n}.mlp.up_proj.weight')).toBeUndefined()
  expect(name('')).toBeUndefined()
})
