import { fileURLToPath } from 'node:url'
import { describe } from '../architectures/describe.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { readFloat32 } from '../weights/read.ts'
import type { Tensor } from '../weights/tensor.ts'
import { GGUF, type GgufField, type GgufTensor } from './write-gguf.ts'

export const MIXTRAL_FOLDER = fileURLToPath(new URL('../architectures/fixtures/mixtral', import.meta.url))

/** How a GGUF file holds the experts: a tensor each, as the first files did, all in one, or gate and up in one as well. */
export type ExpertLayout = 'single' | 'stacked' | 'fused'

export const MIXTRAL_FIELDS: readonly GgufField[] = [
  { key: 'general.architecture', type: GGUF.STRING, value: 'llama' },
  ...Object.entries({
    block_count: 3,
    context_length: 128,
    embedding_length: 32,
    feed_forward_length: 24,
    'attention.head_count': 4,
    'attention.head_count_kv': 2,
    'attention.key_length': 8,
    expert_count: 5,
    expert_used_count: 2,
  }).map(([key, value]) => ({ key: `llama.${key}`, type: GGUF.U32, value })),
  { key: 'llama.attention.layer_norm_rms_epsilon', type: GGUF.F32, value: 1e-5 },
  { key: 'llama.rope.freq_base', type: GGUF.F32, value: 1e6 },
]

/** The tensors of the mixtral fixture as in a GGUF file, in float32. */
export async function mixtralTensors(layout: ExpertLayout): Promise<GgufTensor[]> {
  const checkpoint = await openCheckpoint(MIXTRAL_FOLDER)
  const { tensors } = await describe(checkpoint)
  const values = new Map<string, Stored>()
  for (const [name, tensor] of tensors) values.set(name, await stored(name, tensor))
  await checkpoint.close()
  if (layout !== 'single') for (let layer = 0; layer < 3; layer++) stack(values, layer, layout)
  return [...values].map(([name, { shape, floats }]) => ({
    name,
    dimensions: shape.toReversed(),
    ggmlType: 0,
    data: new Uint8Array(floats.buffer),
  }))
}

interface Stored {
  readonly shape: readonly number[]
  readonly floats: Float32Array
}

async function stored(name: string, tensor: Tensor): Promise<Stored> {
  const floats = await readFloat32(tensor)
  const { shape } = tensor
  return { shape, floats: /attn_[qk]\.weight$/.test(name) ? permuted(floats, shape[1], 8) : floats }
}

/** Rows of each head in the order 0, n/2, 1, n/2 + 1, …: as llama.cpp's converter writes Wq and Wk of llama. */
function permuted(floats: Float32Array, columns: number, headDimension: number): Float32Array {
  const output = new Float32Array(floats.length)
  for (let row = 0; row < floats.length / columns; row++) {
    const place = row % headDimension
    const half = headDimension / 2
    const target = row - place + (place < half ? 2 * place : 2 * (place - half) + 1)
    output.set(floats.subarray(row * columns, (row + 1) * columns), target * columns)
  }
  return output
}

function stack(values: Map<string, Stored>, layer: number, layout: 'stacked' | 'fused'): void {
  const kinds = layout === 'fused' ? [['gate', 'up'], ['down']] : [['gate'], ['up'], ['down']]
  for (const kind of kinds) {
    const names = Array.from({ length: 5 }, (_, expert) => {
      return kind.map((part) => `blk.${layer}.ffn_${part}.${expert}.weight`)
    }).flat()
    const parts = names.map((name) => values.get(name)).filter((part) => part !== undefined)
    for (const name of names) values.delete(name)
    const [rows, columns] = parts[0].shape
    const floats = Float32Array.from(parts.flatMap((part) => [...part.floats]))
    values.set(`blk.${layer}.ffn_${kind.join('_')}_exps.weight`, { shape: [5, rows * kind.length, columns], floats })
  }
}
