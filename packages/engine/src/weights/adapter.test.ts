import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { MemoryFolder } from '../bytes/memory-folder.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError, LajuError } from '../errors.ts'
import { randomNumbers } from '../testing/random-tensors.ts'
import { GGUF, type GgufField, type GgufTensor, writeGguf } from '../testing/write-gguf.ts'
import { writeSafetensors } from '../testing/write-safetensors.ts'
import type { AdapterFile } from './adapter.ts'
import { ggufAdapter } from './adapter-gguf.ts'
import { openPeftAdapter } from './adapter-peft.ts'
import { openGguf } from './gguf.ts'

const Q = 'base_model.model.model.layers.0.self_attn.q_proj'
const CONFIG = { peft_type: 'LORA', r: 2, lora_alpha: 6 }
const PAIR = { [`${Q}.lora_A.weight`]: [2, 4], [`${Q}.lora_B.weight`]: [3, 2] }

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** A safetensors file of zeros. */
function weights(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  let end = 0
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const begin = end
    end += 4 * shape.reduce((product, length) => product * length, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const
  })
  return writeSafetensors(Object.fromEntries(entries), new Uint8Array(end))
}

function peft(config: unknown = CONFIG, file: Uint8Array = weights(PAIR)): Promise<AdapterFile> {
  const files = { 'adapter_config.json': json(config), 'adapter_model.safetensors': file }
  return openPeftAdapter(new MemoryFolder('lora', new Map(Object.entries(files))))
}

async function gguf(tensors: readonly GgufTensor[], fields: readonly GgufField[] = []): Promise<AdapterFile> {
  const stated: GgufField[] = [
    { key: 'general.type', type: GGUF.STRING, value: 'adapter' },
    { key: 'adapter.type', type: GGUF.STRING, value: 'lora' },
    { key: 'general.architecture', type: GGUF.STRING, value: 'qwen3' },
  ]
  const given = new Set(fields.map(({ key }) => key))
  const all = [...stated.filter(({ key }) => !given.has(key)), ...fields]
  return ggufAdapter(await openGguf(new MemorySource('lora.gguf', writeGguf({ fields: all, tensors }))))
}

const tensor = (name: string, columns: number, rows: number): GgufTensor => {
  return { name, dimensions: [columns, rows], ggmlType: 0, data: new Uint8Array(4 * columns * rows) }
}
const TENSORS = [tensor('blk.0.attn_q.weight.lora_a', 4, 2), tensor('blk.0.attn_q.weight.lora_b', 2, 3)]

async function failure(opening: Promise<unknown>): Promise<LajuError> {
  const error: unknown = await opening.catch((error: unknown) => error)
  expect(error).toBeInstanceOf(CheckpointError)
  expect(error).toMatchObject({ message: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) })
  return error as LajuError
}

const scales = async (config: object) => {
  const adapter = await peft(
    { ...CONFIG, ...config },
    weights({
      ...PAIR,
      [`${Q.replace('q', 'v')}.lora_A.weight`]: [2, 4],
      [`${Q.replace('q', 'v')}.lora_B.weight`]: [3, 2],
    }),
  )
  return [...adapter.pairs.values()].map(({ scale }) => scale)
}

describe('openPeftAdapter', () => {
  it('knows the matrices of each weight, and their scale', async () => {
    const { pairs, baseModel, format } = await peft({ ...CONFIG, base_model_name_or_path: 'owner/model' })
    expect([format, baseModel]).toEqual(['peft', 'owner/model'])
    expect([...pairs.keys()]).toEqual(['model.layers.0.self_attn.q_proj.weight'])
    expect([...pairs.values()]).toMatchObject([{ rank: 2, scale: 3, a: { shape: [2, 4] }, b: { shape: [3, 2] } }])
  })

  it('takes the alpha of the first pattern that ends a name, and the root of the rank with rsLoRA', async () => {
    expect(await scales({})).toEqual([3, 3])
    expect(await scales({ alpha_pattern: { v_proj: 1, 'self_attn.v_proj': 9 } })).toEqual([3, 0.5])
    expect(await scales({ alpha_pattern: { proj: 1, '^v_proj': 1, _proj: 1 } })).toEqual([3, 3])
    expect(await scales({ alpha_pattern: { '^model\\.layers\\.0\\.self_attn\\.q_proj': 8 } })).toEqual([4, 3])
    expect(await scales({ use_rslora: true, lora_alpha: 2 })).toEqual([2 / Math.SQRT2, 2 / Math.SQRT2])
    expect((await scales({ r: 7, rank_pattern: { q_proj: 2, v_proj: 2 } }))[0]).toBe(3)
    // PEFT's default of 8.
    expect(await scales({ lora_alpha: undefined })).toEqual([4, 4])
  })

  it('takes what changes nothing', async () => {
    const harmless = {
      fan_in_fan_out: true,
      modules_to_save: [],
      use_dora: false,
      loftq_config: {},
      init_lora_weights: 'gaussian',
      megatron_core: 'megatron.core',
      something_new: null,
    }
    expect((await peft({ ...CONFIG, ...harmless })).pairs.size).toBe(1)
  })

  it.each([
    ['peft_type', undefined],
    ['peft_type', 'IA3'],
    ['use_dora', true],
    ['bias', 'all'],
    ['lora_bias', true],
    ['modules_to_save', ['lm_head']],
    ['trainable_token_indices', [1]],
    ['target_parameters', ['experts.gate_up_proj']],
    ['layer_replication', [[0, 2]]],
    ['alora_invocation_tokens', [7]],
    ['init_lora_weights', 'pissa_niter_4'],
    ['init_lora_weights', 'loftq'],
    ['alpha_pattern', { '(a+)+b': 3 }],
    ['alpha_pattern', { '.*layers\\.[0-4]\\..*': 3 }],
  ])('refuses %s = %j, and names it', async (field, value) => {
    expect(await failure(peft({ ...CONFIG, [field]: value }))).toMatchObject({ code: 'unsupported-adapter', field })
  })

  it.each([
    ['r', { r: '2' }],
    ['r', { r: 4 }],
    ['lora_alpha', { lora_alpha: [] }],
    ['alpha_pattern', { alpha_pattern: [] }],
    ['q_proj', { alpha_pattern: { q_proj: 'x' } }],
  ])('says what is wrong with %s in %j', async (field, wrong) => {
    expect(await failure(peft({ ...CONFIG, ...wrong }))).toMatchObject({ code: 'invalid-checkpoint', field })
  })

  it.each([
    ['base_model.model.lm_head.weight', [3, 4]],
    ['base_model.model.lm_head.base_layer.weight', [3, 4]],
    ['base_model.model.model.embed_tokens.lora_embedding_A', [2, 9]],
    [`${Q}.lora_magnitude_vector`, [3]],
    [`${Q}.lora_B.bias`, [3]],
    ['model.layers.0.self_attn.q_proj.lora_A.weight', [2, 4]],
    ['base_model.model..lora_A.weight', [2, 4]],
  ])('refuses the tensor %s', async (field, shape) => {
    expect(await failure(peft(CONFIG, weights({ ...PAIR, [field]: shape })))).toMatchObject({ field })
  })

  it.each([
    ['no tensors', {}],
    ['one matrix of two', { [`${Q}.lora_A.weight`]: [2, 4] }],
    ['rank 0', { [`${Q}.lora_A.weight`]: [0, 4], [`${Q}.lora_B.weight`]: [3, 0] }],
    ['ranks that differ', { [`${Q}.lora_A.weight`]: [2, 4], [`${Q}.lora_B.weight`]: [3, 4] }],
    ['a rank beyond both sides', { [`${Q}.lora_A.weight`]: [9, 4], [`${Q}.lora_B.weight`]: [3, 9] }],
    ['no matrices', { [`${Q}.lora_A.weight`]: [8], [`${Q}.lora_B.weight`]: [3, 2, 1] }],
  ])('refuses %s', async (_, shapes) => {
    const config = { ...CONFIG, rank_pattern: { q_proj: 2 } }
    expect(await failure(peft(config, weights(shapes)))).toMatchObject({ code: 'invalid-checkpoint' })
  })

  it('says what is missing, and that a pickle is no way in', async () => {
    const open = (files: Record<string, Uint8Array>) =>
      failure(openPeftAdapter(new MemoryFolder('lora', new Map(Object.entries(files)))))
    expect(await open({})).toMatchObject({ code: 'not-found', field: 'adapter_config.json' })
    const config = { 'adapter_config.json': json(CONFIG) }
    expect(await open(config)).toMatchObject({ code: 'not-found', field: 'adapter_model.safetensors' })
    const pickled = await open({ ...config, 'adapter_model.bin': new Uint8Array(9) })
    expect(pickled.remedy).toContain('safe_serialization')
    expect(await open({ 'adapter_config.json': json([]) })).toMatchObject({ code: 'invalid-checkpoint' })
  })
})

describe('ggufAdapter', () => {
  const alpha = (value: number) => ({ key: 'adapter.lora.alpha', type: GGUF.F32, value })

  it('knows the matrices of each weight, and their scale', async () => {
    const { pairs, architecture } = await gguf(TENSORS, [alpha(5)])
    expect(architecture).toBe('qwen3')
    expect([...pairs]).toMatchObject([['blk.0.attn_q.weight', { rank: 2, scale: 2.5, b: { shape: [3, 2] } }]])
    for (const none of [[], [alpha(0)]]) {
      expect([...(await gguf(TENSORS, none)).pairs.values()]).toMatchObject([{ scale: 1 }])
    }
  })

  it.each([
    ['general.type', 'model'],
    ['adapter.type', 'control_vector'],
    ['adapter.alora.invocation_tokens', 'x'],
  ])('refuses %s = %s', async (key, value) => {
    const opening = gguf(TENSORS, [{ key, type: GGUF.STRING, value }])
    expect(await failure(opening)).toMatchObject({ code: 'unsupported-adapter', field: key })
  })

  it('refuses other tensors, halves, ranks and scales that make no sense', async () => {
    const norm = tensor('blk.0.attn_norm.weight', 4, 1)
    expect(await failure(gguf([...TENSORS, norm]))).toMatchObject({ code: 'unsupported-adapter', field: norm.name })
    expect(await failure(gguf(TENSORS.slice(1)))).toMatchObject({ code: 'invalid-checkpoint' })
    expect(await failure(gguf([]))).toMatchObject({ code: 'invalid-checkpoint' })
    const wide = [TENSORS[0], tensor('blk.0.attn_q.weight.lora_b', 3, 3)]
    expect(await failure(gguf(wide))).toMatchObject({ field: 'blk.0.attn_q.weight.lora_b' })
    expect(await failure(gguf(TENSORS, [alpha(Number.NaN)]))).toMatchObject({ field: 'blk.0.attn_q.weight' })
    const text = { key: 'adapter.lora.alpha', type: GGUF.STRING, value: '5' }
    expect(await failure(gguf(TENSORS, [text]))).toMatchObject({ field: 'adapter.lora.alpha' })
  })
})

describe('broken adapters', () => {
  const fixture = (name: string) =>
    new Uint8Array(readFileSync(fileURLToPath(new URL(`../architectures/fixtures/adapters/${name}`, import.meta.url))))
  const config = fixture('llama-attention/adapter_config.json')
  const tensors = fixture('llama-attention/adapter_model.safetensors')
  const whole = fixture('llama-attention.gguf')

  it('of every length, or with any byte changed, open or fail with a typed error', async () => {
    const random = randomNumbers(11)
    const among = (count: number) => Math.floor(random() * count)
    const broken = (file: Uint8Array, header: number) => {
      const copy = file.slice(0, random() < 0.5 ? among(file.length) : file.length)
      for (let i = among(3); i >= 0; i--) copy[among(Math.min(header, copy.length))] = among(256)
      return copy
    }
    const outcomes = new Set<string>()
    for (let i = 0; i < 600; i++) {
      const files = {
        'adapter_config.json': i % 3 === 0 ? broken(config, config.length) : config,
        'adapter_model.safetensors': i % 3 === 1 ? broken(tensors, 2600) : tensors,
      }
      const opening =
        i % 3 === 2
          ? openGguf(new MemorySource('x', broken(whole, 1500))).then(ggufAdapter)
          : openPeftAdapter(new MemoryFolder('lora', new Map(Object.entries(files))))
      const outcome: unknown = await opening.catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(LajuError)
      outcomes.add(outcome instanceof LajuError ? outcome.code : 'opened')
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(['opened', 'truncated', 'invalid-checkpoint']))
  })
})
