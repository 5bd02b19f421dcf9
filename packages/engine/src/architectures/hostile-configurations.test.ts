import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeAll, expect, it, describe as suite } from 'vitest'
import { referenceBackend } from '../backends/reference/backend.ts'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { MemoryFolder } from '../bytes/memory-folder.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { LajuError } from '../errors.ts'
import { MIXTRAL_FIELDS, MIXTRAL_FOLDER, mixtralTensors } from '../testing/mixtral-gguf.ts'
import { writeGguf } from '../testing/write-gguf.ts'
import type {
  Checkpoint,
  GgufCheckpoint,
  JsonObject,
  MetadataValue,
  SafetensorsCheckpoint,
} from '../weights/checkpoint.ts'
import { openGguf } from '../weights/gguf.ts'
import { openSafetensors } from '../weights/safetensors.ts'
import { describe } from './describe.ts'

/*
 * Whatever numbers a configuration claims, the model is described and measured, or refused with a typed error; soon,
 * and without a record of what is not there.
 */

const MILLISECONDS_A_CASE = 1000
const CASES = { numRuns: 1500, seed: 4 }
const OPTIONS = { maxTokens: 64, maxRows: 16, pages: 64, cacheType: 'f16', threads: 1 } as const

const number = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    16,
    24,
    64,
    128,
    8192,
    65_535,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    1e300,
    0.5,
  ),
  fc.integer(),
  fc.double(),
)

const outcomes = { described: 0, refused: 0 }

afterEach(() => {
  // Values that never or always matter would test nothing.
  expect(Math.min(outcomes.described, outcomes.refused)).toBeGreaterThan(CASES.numRuns / 50)
  outcomes.described = 0
  outcomes.refused = 0
})

async function survives(checkpoint: Checkpoint): Promise<void> {
  const start = performance.now()
  try {
    const { graph, tensors } = await describe(checkpoint)
    for (const backend of [wasmBackend, referenceBackend]) backend.measure(graph, tensors, OPTIONS)
    outcomes.described++
  } catch (error) {
    if (!(error instanceof LajuError)) throw error
    expect(error.remedy).toBeDefined()
    outcomes.refused++
  }
  expect(performance.now() - start).toBeLessThan(MILLISECONDS_A_CASE)
}

suite('of a GGUF file', () => {
  const KEYS = [
    ...MIXTRAL_FIELDS.map(({ key }) => key).filter((key) => key !== 'general.architecture'),
    ...['expert_feed_forward_length', 'expert_gating_func', 'expert_shared_count', 'expert_weights_scale'].map(
      (key) => `llama.${key}`,
    ),
    ...['rope.dimension_count', 'rope.scaling.factor', 'rope.scaling.original_context_length'].map(
      (key) => `llama.${key}`,
    ),
  ]
  const value = fc.oneof<fc.Arbitrary<MetadataValue>[]>(number, fc.bigInt(), fc.boolean(), fc.string())
  const SCALING: [string, MetadataValue][] = [
    ['llama.rope.scaling.factor', 2],
    ['llama.rope.scaling.original_context_length', 64],
  ]
  let original: GgufCheckpoint

  beforeAll(async () => {
    const file = writeGguf({ fields: MIXTRAL_FIELDS, tensors: await mixtralTensors('fused') })
    original = await openGguf(new MemorySource('m.gguf', file))
  })

  it('with any values', async () => {
    const changes = fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), value), {
      minLength: 1,
      maxLength: 3,
      selector: ([key]) => key,
    })
    const scaling = fc.constantFrom('none', 'none', 'linear', 'yarn', 'longrope')
    await fc.assert(
      fc.asyncProperty(changes, scaling, async (entries, type) => {
        const metadata = new Map<string, MetadataValue>([
          ...original.metadata,
          ...SCALING,
          ['llama.rope.scaling.type', type],
          ...entries,
        ])
        await survives({ ...original, metadata })
      }),
      CASES,
    )
  })
})

suite('of a folder', () => {
  let original: SafetensorsCheckpoint
  let config: JsonObject

  beforeAll(async () => {
    const files = ['config.json', 'model.safetensors'].map(
      (file) => [file, readFileSync(`${MIXTRAL_FOLDER}/${file}`)] as const,
    )
    original = await openSafetensors(new MemoryFolder('folder', new Map(files)))
    config = original.config
  })

  it('with any values', async () => {
    const keys = ['hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads', 'num_key_value_heads']
      .concat('head_dim', 'max_position_embeddings', 'rms_norm_eps', 'vocab_size', 'num_local_experts')
      .concat('num_experts_per_tok', 'sliding_window', 'tie_word_embeddings', 'rope_parameters', 'quantization_config')
    const value = fc.oneof(number, fc.constant(null), fc.jsonValue())
    const changes = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), value), {
      minLength: 1,
      maxLength: 3,
      selector: ([key]) => key,
    })
    await fc.assert(
      fc.asyncProperty(changes, async (entries) => {
        await survives({ ...original, config: { ...config, ...(Object.fromEntries(entries) as JsonObject) } })
      }),
      CASES,
    )
  })
})
