import { expect, it, describe as suite } from 'vitest'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError } from '../errors.ts'
import type { GgufCheckpoint, JsonObject, MetadataValue, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import type { ElementType } from '../weights/element-type.ts'
import type { Tensor } from '../weights/tensor.ts'
import { describe } from './describe.ts'
import { DECODER_TENSORS } from './tensor-names.ts'

const METADATA: Record<string, MetadataValue> = {
  'general.architecture': 'llama',
  'llama.block_count': 1,
  'llama.context_length': 64,
  'llama.embedding_length': 8,
  'llama.feed_forward_length': 12,
  'llama.attention.head_count': 2,
  'llama.attention.head_count_kv': 1,
  'llama.attention.layer_norm_rms_epsilon': 1e-5,
}

/** The same model as a config.json. */
const CONFIG: JsonObject = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 8,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  num_hidden_layers: 1,
  intermediate_size: 12,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  vocab_size: 16,
}

const SHAPES: Record<string, number[]> = {
  'token_embd.weight': [16, 8],
  'output_norm.weight': [8],
  'blk.0.attn_norm.weight': [8],
  'blk.0.attn_q.weight': [8, 8],
  'blk.0.attn_k.weight': [4, 8],
  'blk.0.attn_v.weight': [4, 8],
  'blk.0.attn_output.weight': [8, 8],
  'blk.0.ffn_norm.weight': [8],
  'blk.0.ffn_gate.weight': [12, 8],
  'blk.0.ffn_up.weight': [12, 8],
  'blk.0.ffn_down.weight': [8, 12],
}

function tensor(name: string, shape: number[], type: ElementType = 'F32'): Tensor {
  const byteLength = 4 * shape.reduce((product, length) => product * length, 1)
  return { name, type, shape, source: new MemorySource('m.gguf', new Uint8Array(byteLength)), offset: 0, byteLength }
}

const tensors = (changes: Record<string, Tensor | undefined> = {}) => {
  const all = new Map(Object.entries(SHAPES).map(([name, shape]) => [name, tensor(name, shape)]))
  for (const [name, changed] of Object.entries(changes)) {
    if (changed) all.set(name, changed)
    else all.delete(name)
  }
  return all
}

const gguf = (metadata: Record<string, MetadataValue> = {}, changes: Record<string, Tensor | undefined> = {}) =>
  ({
    format: 'gguf',
    name: 'm.gguf',
    version: 3,
    metadata: new Map(Object.entries({ ...METADATA, ...metadata })),
    numberTypes: new Map(),
    tensors: tensors(changes),
    close: async () => {},
  }) satisfies GgufCheckpoint

const folder = (config: JsonObject): SafetensorsCheckpoint => ({
  format: 'safetensors',
  name: 'folder',
  config,
  generationConfig: undefined,
  tokenizer: undefined,
  sentencePiece: undefined,
  tokenizerConfig: undefined,
  chatTemplate: undefined,
  tensors: tensors(),
  close: async () => {},
})

async function failure(checkpoint: GgufCheckpoint | SafetensorsCheckpoint): Promise<CheckpointError> {
  const error = await describe(checkpoint).catch((error: unknown) => error)
  if (error instanceof CheckpointError) return error
  throw new Error(`no CheckpointError but ${error}`)
}

suite('describe', () => {
  it('records a graph whose weights are the checkpoint’s', async () => {
    const { graph, architecture, config } = await describe(gguf())
    expect(architecture.name).toBe('llama')
    expect(config).toMatchObject({ layers: 1, headDimension: 4, vocabulary: 16 })
    expect(new Set(graph.weights.map(({ name }) => name))).toEqual(new Set(Object.keys(SHAPES)))
    expect(graph.logits).toMatchObject({ size: 'rows', width: 16 })
    expect(graph.values.map(({ name }) => name)).toContain('blk.0.attn_output')
  })

  it('names an architecture it does not know', async () => {
    const error = await failure(gguf({ 'general.architecture': 'mamba' }))
    expect(error).toMatchObject({ code: 'unsupported-architecture', field: 'general.architecture', file: 'm.gguf' })
    expect(error.message).toContain('mamba')
    expect((await failure(folder({ architectures: ['FooModel'] }))).message).toContain('FooModel')
    expect(await failure(folder({}))).toMatchObject({ code: 'unsupported-architecture', field: 'architectures' })
  })

  it('names a tensor that is missing, has another shape, or a type that cannot run', async () => {
    expect(await failure(gguf({}, { 'blk.0.ffn_up.weight': undefined }))).toMatchObject({
      code: 'invalid-checkpoint',
      field: 'blk.0.ffn_up.weight',
    })
    const shape = { 'blk.0.attn_k.weight': tensor('blk.0.attn_k.weight', [8, 4]) }
    expect((await failure(gguf({}, shape))).message).toContain('[8, 4]')
    const type = { 'blk.0.attn_k.weight': tensor('blk.0.attn_k.weight', [4, 8], 'I8') }
    expect(await failure(gguf({}, type))).toMatchObject({ code: 'unsupported-type', field: 'blk.0.attn_k.weight' })
  })

  it('names a number that is missing or impossible', async () => {
    const cases: [string, MetadataValue, string][] = [
      ['llama.block_count', 0, 'invalid-checkpoint'],
      ['llama.block_count', 2n ** 60n, 'invalid-checkpoint'],
      ['llama.block_count', 2 ** 31 - 1, 'invalid-checkpoint'],
      ['llama.embedding_length', -8, 'invalid-checkpoint'],
      ['llama.embedding_length', 'eight', 'invalid-checkpoint'],
      ['llama.attention.head_count', 3, 'invalid-checkpoint'],
      ['llama.attention.head_count_kv', 3, 'unsupported-architecture'],
      ['llama.attention.key_length', 2 ** 30, 'unsupported-architecture'],
      ['llama.attention.layer_norm_rms_epsilon', Number.NaN, 'invalid-checkpoint'],
      ['llama.rope.dimension_count', 3, 'unsupported-architecture'],
      ['llama.rope.freq_base', 0, 'invalid-checkpoint'],
      ['llama.rope.scaling.type', 'longrope', 'unsupported-architecture'],
    ]
    for (const [key, value, code] of cases) {
      const error = await failure(gguf({ [key]: value }))
      expect(error.code).toBe(code)
      expect(error.remedy).toBeDefined()
    }
    expect((await failure(gguf({ 'llama.context_length': 0 }))).field).toBe('llama.context_length')
  })

  it('names what a mixture of experts cannot be', async () => {
    const experts = { 'llama.expert_count': 4, 'llama.expert_used_count': 2 }
    const cases: [Record<string, MetadataValue>, string, string][] = [
      [{ 'llama.expert_gating_func': 2 }, 'unsupported-architecture', 'llama.expert_gating_func'],
      [{ 'llama.expert_shared_count': 1 }, 'unsupported-architecture', 'llama.expert_shared_count'],
      [{ 'llama.expert_group_count': 8 }, 'unsupported-architecture', 'llama.expert_group_count'],
      [{ 'llama.expert_weights_scale': 2.5 }, 'unsupported-architecture', 'llama.expert_weights_scale'],
      [{ 'llama.expert_used_count': 5 }, 'unsupported-architecture', 'llama.expert_used_count'],
      [{ 'llama.expert_count': 2 ** 30 }, 'unsupported-architecture', 'llama.expert_count'],
      [{ 'llama.expert_count': 0.5 }, 'invalid-checkpoint', 'llama.expert_count'],
      [{ 'llama.expert_used_count': 0 }, 'invalid-checkpoint', 'llama.expert_used_count'],
    ]
    for (const [metadata, code, field] of cases) {
      expect(await failure(gguf({ ...experts, ...metadata }))).toMatchObject({ code, field })
    }
    const router = { 'blk.0.ffn_gate_inp.weight': tensor('blk.0.ffn_gate_inp.weight', [4, 8]) }
    expect(await failure(gguf(experts, router))).toMatchObject({ field: 'blk.0.ffn_gate.0.weight' })
    expect((await describe(gguf(experts))).graph.operations.some(({ kind }) => kind === 'experts')).toBe(false)
  })

  it('refuses a sliding window that would hide something', async () => {
    const mistral = { ...CONFIG, architectures: ['MistralForCausalLM'] }
    const withWindow = (window: JsonObject) => failure(folder({ ...mistral, ...window }))
    const refused = { code: 'unsupported-architecture', field: 'sliding_window' }
    expect(await withWindow({ sliding_window: 32 })).toMatchObject(refused)
    expect(await withWindow({ use_sliding_window: true })).toMatchObject({ ...refused, field: 'use_sliding_window' })
    // The tensors of this folder have GGUF names: there is nothing else against it.
    const missing = { code: 'invalid-checkpoint', field: 'token_embd.weight' }
    expect(await withWindow({ sliding_window: null })).toMatchObject(missing)
    expect(await withWindow({ sliding_window: 64 })).toMatchObject(missing)
    expect(await withWindow({ sliding_window: 32, use_sliding_window: false })).toMatchObject(missing)
  })

  it('refuses quantised folders that it cannot read', async () => {
    const cases: [JsonObject, string][] = [
      [{ quant_method: 'gptq', bits: 4 }, 'quant_method'],
      [{ quant_method: 'fp8' }, 'weight_block_size'],
      [{ quant_method: 'fp8', weight_block_size: [1, 128] }, 'weight_block_size'],
    ]
    for (const [quantization, field] of cases) {
      const config = { ...CONFIG, quantization_config: quantization }
      expect(await failure(folder(config))).toMatchObject({
        code: 'unsupported-architecture',
        field: `quantization_config.${field}`,
      })
    }
  })

  suite('of a Hugging Face folder', () => {
    const HEAD = 'lm_head.weight'
    const TABLE = 'model.embed_tokens.weight'
    const hub = (tie: boolean | undefined, present: readonly string[]) => {
      const config = tie === undefined ? CONFIG : { ...CONFIG, tie_word_embeddings: tie }
      const stored = new Map<string, Tensor>()
      for (const [gguf, shape] of Object.entries(SHAPES)) {
        const name = DECODER_TENSORS[gguf.replace('blk.0.', 'blk.{n}.')].replace('{n}', '0')
        if (name !== TABLE) stored.set(name, tensor(name, shape))
      }
      for (const name of present) stored.set(name, tensor(name, [16, 8]))
      return { ...folder(config), tensors: stored }
    }
    const tableAndHead = async (checkpoint: SafetensorsCheckpoint) => {
      const { graph, tensors } = await describe(checkpoint)
      const matrices = graph.operations.flatMap((operation) => {
        if (operation.kind === 'embedding') return [operation.table]
        return operation.output === graph.logits && operation.kind === 'linear' ? [operation.weight] : []
      })
      return matrices.map(({ name }) => tensors.get(name)?.name)
    }

    it('takes a tied matrix from where it is', async () => {
      expect(await tableAndHead(hub(true, [TABLE]))).toEqual([TABLE, TABLE])
      expect(await tableAndHead(hub(true, [HEAD]))).toEqual([HEAD, HEAD])
      expect(await tableAndHead(hub(true, [TABLE, HEAD]))).toEqual([TABLE, TABLE])
      expect(await tableAndHead(hub(false, [TABLE, HEAD]))).toEqual([TABLE, HEAD])
      expect(await tableAndHead(hub(undefined, [TABLE]))).toEqual([TABLE, TABLE])
    })

    it('misses a head that is not the table', async () => {
      const error = await failure(hub(false, [TABLE]))
      expect(error).toMatchObject({ code: 'invalid-checkpoint', field: 'tie_word_embeddings' })
      expect(error.message).toContain(HEAD)
    })
  })

  it('does not loop over a layer count that outruns the tensors', async () => {
    const config = { ...CONFIG, num_hidden_layers: 2 ** 31 - 1 }
    expect(await failure(folder(config))).toMatchObject({ code: 'invalid-checkpoint', field: 'token_embd.weight' })
  })
})
