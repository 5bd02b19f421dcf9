import { FILE_TYPES, typeInFile } from '../packages/engine/src/convert/file-type.ts'
import { float32, type GgufField, uint32 } from '../packages/engine/src/weights/gguf-fields.ts'
import { type TensorHeader, tensorBytes } from '../packages/engine/src/weights/gguf-header.ts'
import type { TensorToWrite } from '../packages/engine/src/weights/gguf-writer.ts'
import { floatNoise, type NoiseType, noise, randomWords } from './noise.ts'
import { syntheticTokenizer } from './synthetic-tokenizer.ts'

/** The sizes of a Qwen3 decoder with tied embeddings. */
export interface Qwen3Shape {
  readonly layers: number
  readonly width: number
  readonly feedForward: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headLength: number
  readonly vocabulary: number
  readonly contextLength: number
}

/** Sizes from the released models' cards; `qwen3-tiny` is ours, small enough to try a bench out. */
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
} as const satisfies Record<string, Qwen3Shape>

export type ShapeName = keyof typeof SHAPES

/** Files whose matrices are all of one type, and the mixture that most people have. */
export const CHECKPOINT_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_K_M'] as const

export type CheckpointType = (typeof CHECKPOINT_TYPES)[number]

/** About so many bytes are made at once. */
const PIECE_BYTES = 4 << 20

/** Spread of the weights, about that of trained ones. */
const DEVIATION = 0.03

export function qwen3Metadata(name: string, shape: Qwen3Shape, type: CheckpointType): Map<string, GgufField> {
  const string = (value: string): GgufField => ({ value })
  return new Map([
    ['general.architecture', string('qwen3')],
    ['general.name', string(`${name} ${type}, random weights`)],
    ['general.alignment', uint32(32)],
    ['general.file_type', uint32(FILE_TYPES[type].id)],
    ['general.quantization_version', uint32(2)],
    ['qwen3.block_count', uint32(shape.layers)],
    ['qwen3.context_length', uint32(shape.contextLength)],
    ['qwen3.embedding_length', uint32(shape.width)],
    ['qwen3.feed_forward_length', uint32(shape.feedForward)],
    ['qwen3.attention.head_count', uint32(shape.heads)],
    ['qwen3.attention.head_count_kv', uint32(shape.keyValueHeads)],
    ['qwen3.attention.key_length', uint32(shape.headLength)],
    ['qwen3.attention.value_length', uint32(shape.headLength)],
    ['qwen3.attention.layer_norm_rms_epsilon', float32(1e-6)],
    ['qwen3.rope.freq_base', float32(1e6)],
    ...syntheticTokenizer(shape.vocabulary),
  ])
}

/** The tensors in the order a decoder uses them; the head is the embedding again, so there is no `output.weight`. */
export function qwen3Tensors(shape: Qwen3Shape, type: CheckpointType, seed: number): TensorToWrite[] {
  const { width, feedForward, headLength, vocabulary } = shape
  const queries = shape.heads * headLength
  const keys = shape.keyValueHeads * headLength
  const tensors: TensorToWrite[] = []
  const norm = (name: string, length: number) => {
    const fill = floatNoise(randomWords(mixSeed(seed, tensors.length)), 1, 0.1)
    tensors.push(filled({ name: `${name}.weight`, type: 'F32', shape: [length] }, fill))
  }
  const matrix = (name: string, rows: number, columns: number) => {
    const header = { name: `${name}.weight`, shape: [rows, columns] }
    const matrixType = typeOfMatrix(header, shape, type)
    const fill = noise(matrixType, DEVIATION, mixSeed(seed, tensors.length))
    tensors.push(filled({ ...header, type: matrixType }, fill))
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
    matrix(`${block}.ffn_gate`, feedForward, width)
    matrix(`${block}.ffn_up`, feedForward, width)
    matrix(`${block}.ffn_down`, width, feedForward)
  }
  norm('output_norm', width)
  return tensors
}

function typeOfMatrix(header: Omit<TensorHeader, 'type'>, { layers }: Qwen3Shape, type: CheckpointType): NoiseType {
  if (type !== 'Q4_K_M') return type
  const inFile = typeInFile({ ...header, layers, head: 'token_embd.weight' }, type)
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
