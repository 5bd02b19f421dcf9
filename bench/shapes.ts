import { FILE_TYPES, typeInFile } from '../packages/engine/src/convert/file-type.ts'
import { float32, type GgufField, uint32 } from '../packages/engine/src/weights/gguf-fields.ts'
import { type TensorHeader, tensorBytes } from '../packages/engine/src/weights/gguf-header.ts'
import type { TensorToWrite } from '../packages/engine/src/weights/gguf-writer.ts'
import { floatNoise, type NoiseType, noise, randomWords } from './noise.ts'
import { syntheticTokenizer } from './synthetic-tokenizer.ts'

/** The sizes of a Qwen3 decoder. */
export interface Qwen3Shape {
  readonly layers: number
  readonly width: number
  readonly feedForward: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headLength: number
  readonly vocabulary: number
  readonly contextLength: number
  /** In place of each feed-forward network. */
  readonly experts?: { readonly count: number; readonly used: number; readonly feedForward: number }
  /** The head is a matrix of its own, not the embedding again. */
  readonly hasHead?: boolean
}

/** Sizes from the released models' cards; the tiny ones are ours, small enough to try a bench out. */
export const SHAPES = {
  'qwen3-tiny': {
    layers: 2,
    width: 128,
    feedForward: 256,
    heads: 4,
    keyValueHeads: 2,
    headLength: 32,
    vocabulary: 2048,
    contextLength: 2048,
  },
  'qwen3-0.6b': {
    layers: 28,
    width: 1024,
    feedForward: 3072,
    heads: 16,
    keyValueHeads: 8,
    headLength: 128,
    vocabulary: 151_936,
    contextLength: 40_960,
  },
  /** The sizes of Gemma 3 270M, as a Qwen3 decoder: a single head of keys and values. */
  'gemma3-270m': {
    layers: 18,
    width: 640,
    feedForward: 2048,
    heads: 4,
    keyValueHeads: 1,
    headLength: 256,
    vocabulary: 262_144,
    contextLength: 32_768,
  },
  'qwen3-8b': {
    layers: 36,
    width: 4096,
    feedForward: 12_288,
    heads: 32,
    keyValueHeads: 8,
    headLength: 128,
    vocabulary: 151_936,
    contextLength: 40_960,
    hasHead: true,
  },
  'qwen3-moe-tiny': {
    layers: 2,
    width: 128,
    feedForward: 256,
    heads: 4,
    keyValueHeads: 2,
    headLength: 32,
    vocabulary: 2048,
    contextLength: 2048,
    experts: { count: 32, used: 4, feedForward: 64 },
    hasHead: true,
  },
  'qwen3-30b-a3b': {
    layers: 48,
    width: 2048,
    feedForward: 6144,
    heads: 32,
    keyValueHeads: 4,
    headLength: 128,
    vocabulary: 151_936,
    contextLength: 40_960,
    experts: { count: 128, used: 8, feedForward: 768 },
    hasHead: true,
  },
} as const satisfies Record<string, Qwen3Shape>

export type ShapeName = keyof typeof SHAPES

/** Files whose matrices are all of one type, and the mixture that most people have. */
export const CHECKPOINT_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_K_M'] as const

export type CheckpointType = (typeof CHECKPOINT_TYPES)[number]

/** About so many bytes are made at once. */
const PIECE_BYTES = 4 << 20

/** Spread of the weights, about that of trained ones. */
const DEVIATION = 0.03

/**
 * Spread of the logarithms of the routers' rows. A longer row gives its expert more extreme scores, and so more tokens:
 * as in trained models, some experts get many times what others get. With 128 experts the most chosen tenth gets a quarter.
 */
const ROUTER_SKEW = 0.25

export function qwen3Metadata(name: string, shape: Qwen3Shape, type: CheckpointType): Map<string, GgufField> {
  const string = (value: string): GgufField => ({ value })
  const { experts } = shape
  const family = experts ? 'qwen3moe' : 'qwen3'
  return new Map([
    ['general.architecture', string(family)],
    ['general.name', string(`${name} ${type}, random weights`)],
    ['general.alignment', uint32(32)],
    ['general.file_type', uint32(FILE_TYPES[type].id)],
    ['general.quantization_version', uint32(2)],
    [`${family}.block_count`, uint32(shape.layers)],
    [`${family}.context_length`, uint32(shape.contextLength)],
    [`${family}.embedding_length`, uint32(shape.width)],
    [`${family}.feed_forward_length`, uint32(shape.feedForward)],
    [`${family}.attention.head_count`, uint32(shape.heads)],
    [`${family}.attention.head_count_kv`, uint32(shape.keyValueHeads)],
    [`${family}.attention.key_length`, uint32(shape.headLength)],
    [`${family}.attention.value_length`, uint32(shape.headLength)],
    [`${family}.attention.layer_norm_rms_epsilon`, float32(1e-6)],
    [`${family}.rope.freq_base`, float32(1e6)],
    ...Object.entries(
      experts
        ? {
            expert_count: experts.count,
            expert_used_count: experts.used,
            expert_feed_forward_length: experts.feedForward,
          }
        : {},
    ).map(([key, value]): [string, GgufField] => [`${family}.${key}`, uint32(value)]),
    ...syntheticTokenizer(shape.vocabulary),
  ])
}

/** The tensors in the order a decoder uses them. Where the head is the embedding again, there is no `output.weight`. */
export function qwen3Tensors(shape: Qwen3Shape, type: CheckpointType, seed: number): TensorToWrite[] {
  const { width, feedForward, headLength, vocabulary, experts, hasHead } = shape
  const queries = shape.heads * headLength
  const keys = shape.keyValueHeads * headLength
  const tensors: TensorToWrite[] = []
  const norm = (name: string, length: number) => {
    const fill = floatNoise(randomWords(mixSeed(seed, tensors.length)), 1, 0.1)
    tensors.push(filled({ name: `${name}.weight`, type: 'F32', shape: [length] }, fill))
  }
  const matrix = (name: string, ...sizes: readonly number[]) => {
    const header = { name: `${name}.weight`, shape: sizes }
    const matrixType = typeOfMatrix(header, shape, type)
    const fill = noise(matrixType, DEVIATION, mixSeed(seed, tensors.length))
    tensors.push(filled({ ...header, type: matrixType }, fill))
  }
  const router = (name: string, count: number) => {
    const fill = routerNoise(count, width, mixSeed(seed, tensors.length))
    tensors.push(filled({ name: `${name}.weight`, type: 'F32', shape: [count, width] }, fill))
  }
  matrix('token_embd', vocabulary, width)
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `blk.${layer}`
    norm(`${block}.attn_norm`, width)
    matrix(`${block}.attn_q`, queries, width)
    matrix(`${block}.attn_k`, keys, width)
    matrix(`${block}.attn_v`, keys, width)
    norm(`${block}.attn_q_norm`, headLength)
    norm(`${block}.attn_k_norm`, headLength)
    matrix(`${block}.attn_output`, width, queries)
    norm(`${block}.ffn_norm`, width)
    if (experts) {
      router(`${block}.ffn_gate_inp`, experts.count)
      matrix(`${block}.ffn_gate_exps`, experts.count, experts.feedForward, width)
      matrix(`${block}.ffn_up_exps`, experts.count, experts.feedForward, width)
      matrix(`${block}.ffn_down_exps`, experts.count, width, experts.feedForward)
    } else {
      matrix(`${block}.ffn_gate`, feedForward, width)
      matrix(`${block}.ffn_up`, feedForward, width)
      matrix(`${block}.ffn_down`, width, feedForward)
    }
  }
  norm('output_norm', width)
  if (hasHead) matrix('output', vocabulary, width)
  return tensors
}

/** The rows of a router [experts, width], of lengths that differ. */
export function routerNoise(experts: number, width: number, seed: number): (bytes: Uint8Array) => void {
  const random = randomWords(seed)
  const logarithms = new Float32Array(experts)
  floatNoise(random, 0, ROUTER_SKEW)(new Uint8Array(logarithms.buffer))
  const rows = floatNoise(random, 0, DEVIATION)
  let row = 0
  return (bytes) => {
    rows(bytes)
    const weights = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    for (let at = 0; at < weights.length; at += width, row++) {
      const length = Math.exp(logarithms[row % experts] ?? 0)
      for (let i = at; i < at + width; i++) weights[i] = length * (weights[i] ?? 0)
    }
  }
}

function typeOfMatrix(header: Omit<TensorHeader, 'type'>, shape: Qwen3Shape, type: CheckpointType): NoiseType {
  if (type !== 'Q4_K_M') return type
  const { layers, hasHead } = shape
  const inFile = typeInFile({ ...header, layers, head: hasHead ? 'output.weight' : 'token_embd.weight' }, type)
  if (inFile === 'Q4_K' || inFile === 'Q6_K') return inFile
  throw new Error(`${header.name} has rows of ${header.shape[1]}: a ${type} file needs multiples of 256.`)
}

/** A tensor whose bytes are made piece by piece, each of whole rows. */
function filled(header: TensorHeader, fill: (bytes: Uint8Array) => void): TensorToWrite {
  const total = tensorBytes(header)
  const rowBytes = total / (header.shape.length > 1 ? header.shape[0] : 1)
  const piece = Math.min(total, Math.max(1, Math.floor(PIECE_BYTES / rowBytes)) * rowBytes)
  function* pieces(): Generator<Uint8Array> {
    const bytes = new Uint8Array(piece)
    for (let done = 0; done < total; done += piece) {
      const part = bytes.subarray(0, Math.min(piece, total - done))
      fill(part)
      yield part
    }
  }
  return { ...header, pieces }
}

/** Each tensor draws from its own stream, so that adding one does not change the others' distance. */
function mixSeed(seed: number, index: number): number {
  return Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b)
}

export function isShapeName(name: string): name is ShapeName {
  return Object.hasOwn(SHAPES, name)
}

export function isCheckpointType(name: string): name is CheckpointType {
  return CHECKPOINT_TYPES.some((type) => type === name)
}
