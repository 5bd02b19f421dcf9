import { OptionError } from '../errors.ts'
import { ELEMENT_LAYOUTS } from '../weights/element-type.ts'
import type { EncodableType } from '../weights/encode/encode.ts'

interface FileTypeEntry {
  /** `general.file_type`, ggml's `llama_ftype`. */
  readonly id: number
  /** What the matrices are stored in. */
  readonly matrices: EncodableType
  /** Some of `attn_v` and `ffn_down` are stored in more bits: the M of a name such as Q4_K_M. */
  readonly mixed?: true
}

/** The kinds of GGUF files that can be written, by the names that publishers give them. */
export const FILE_TYPES = {
  F32: { id: 0, matrices: 'F32' },
  F16: { id: 1, matrices: 'F16' },
  BF16: { id: 32, matrices: 'BF16' },
  Q8_0: { id: 7, matrices: 'Q8_0' },
  Q6_K: { id: 18, matrices: 'Q6_K' },
  Q5_K_M: { id: 17, matrices: 'Q5_K', mixed: true },
  Q5_K_S: { id: 16, matrices: 'Q5_K' },
  Q5_1: { id: 9, matrices: 'Q5_1' },
  Q5_0: { id: 8, matrices: 'Q5_0' },
  Q4_K_M: { id: 15, matrices: 'Q4_K', mixed: true },
  Q4_K_S: { id: 14, matrices: 'Q4_K' },
  Q4_1: { id: 3, matrices: 'Q4_1' },
  Q4_0: { id: 2, matrices: 'Q4_0' },
} as const satisfies Record<string, FileTypeEntry>

export type FileType = keyof typeof FILE_TYPES

export const FILE_TYPE_NAMES = Object.keys(FILE_TYPES) as FileType[]

/** @param option what a person called it, for the message. @throws OptionError that lists those that exist */
export function fileTypeNamed(name: string, option: string, others: readonly string[] = []): FileType {
  const found = FILE_TYPE_NAMES.find((type) => type === name.toUpperCase())
  if (found !== undefined) return found
  const all = [...others, ...FILE_TYPE_NAMES].join(', ')
  throw new OptionError(option, `There is no type ${JSON.stringify(name)} to quantise to.`, `Use one of ${all}.`)
}

/** What decides the type of a tensor beside its file's. */
export interface TensorPlace {
  readonly name: string
  readonly shape: readonly number[]
  /** Of the whole model. */
  readonly layers: number
  /** The tensor that gives the logits: `output.weight`, or the table where the two are one. */
  readonly head: string
}

/** Types with fewer bits than the head of a model needs. */
const FEW_BITS: readonly EncodableType[] = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K']

/** What takes the place of a type where rows are no whole blocks of it, as llama.cpp has it. */
const INSTEAD: Partial<Record<EncodableType, EncodableType>> = { Q4_K: 'Q5_0', Q5_K: 'Q5_1', Q6_K: 'Q8_0' }

/**
 * The type that a tensor has in a file of some type, as in llama.cpp's files: norms, biases and routers stay float32,
 * the head of a file of few bits is Q6_K, and rows that are no whole blocks of 256 are stored in blocks of 32, or else
 * as F16.
 */
export function typeInFile({ name, shape, layers, head }: TensorPlace, fileType: FileType): EncodableType {
  if (shape.length < 2 || name.endsWith('ffn_gate_inp.weight')) return 'F32'
  const { matrices, mixed }: FileTypeEntry = FILE_TYPES[fileType]
  const needsMore = name === head ? FEW_BITS.includes(matrices) : mixed === true && isInMoreBits(name, layers)
  return fitting(needsMore ? 'Q6_K' : matrices, shape)
}

/** The values and the way down in the first and last eighth of the layers, and in every third of the others. */
function isInMoreBits(name: string, layers: number): boolean {
  const [, number] = /^blk\.(\d+)\.(?:attn_v|ffn_down(?:_exps|\.\d+)?)\.weight$/.exec(name) ?? []
  if (number === undefined) return false
  const layer = Number(number)
  const eighth = Math.floor(layers / 8)
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2
}

function fitting(type: EncodableType, shape: readonly number[]): EncodableType {
  const columns = shape[shape.length - 1]
  const isWhole = (candidate: EncodableType) => columns % ELEMENT_LAYOUTS[candidate].blockLength === 0
  if (isWhole(type)) return type
  const other = INSTEAD[type]
  return other !== undefined && isWhole(other) ? other : 'F16'
}
