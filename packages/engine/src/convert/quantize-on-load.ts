import { machineMemory } from '#machine/memory'
import type { ModelDescription } from '../architectures/describe.ts'
import type { Backend, CompileOptions } from '../backends/backend.ts'
import { OptionError } from '../errors.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import type { ElementType } from '../weights/element-type.ts'
import { quantizedTensor } from '../weights/quantized-tensor.ts'
import type { Tensor } from '../weights/tensor.ts'
import { FILE_TYPE_NAMES, type FileType, fileTypeNamed, typeInFile } from './file-type.ts'
import { headOf } from './tensors-to-gguf.ts'

/** What the weights of a model that are floats are held as: `none` for what they are stored as. */
export type QuantizeChoice = 'auto' | 'none' | Exclude<FileType, 'F32'>

export interface QuantizeWish {
  /** Default `auto`. */
  readonly quantize?: QuantizeChoice
  /** Bytes that there are; default what the machine can spare. */
  readonly memoryLimit?: number
}

/** The weights that are held in another type than they are stored in. */
export interface QuantizedWeights {
  readonly type: FileType
  /** What they are stored as. */
  readonly from: readonly ElementType[]
  /** Bytes of all weights of the model as they are stored, or, of 8-bit floats, as they would be held. */
  readonly storedBytes: number
}

const FLOATS: readonly ElementType[] = ['F32', 'F16', 'BF16']
/** Smaller models are fast enough as they are. */
const SMALL_BYTES = 2 ** 29
/** The rest of a machine's memory is for others. */
const SHARE_OF_MEMORY = 0.75

/**
 * The model as it is to be held: its float matrices quantised while they are read, as the caller chose, or where they
 * chose nothing, by the size of the model and the machine. Norms, biases and routers stay as they are.
 * @throws OptionError for a choice that does not exist, or for weights that have been quantised before
 */
export async function quantizedForLoad(
  checkpoint: Checkpoint,
  description: ModelDescription,
  wish: QuantizeWish,
  backend: Backend,
  limits: CompileOptions,
): Promise<{ description: ModelDescription; quantized: QuantizedWeights | undefined }> {
  const type = await typeFor(checkpoint, description, wish, backend, limits)
  if (type === undefined) return { description, quantized: undefined }
  const held = withTensorsIn(description, type)
  const changed = [...held.tensors].flatMap(([name, tensor]) => {
    const stored = description.tensors.get(name)
    return stored !== undefined && stored !== tensor ? [stored.type] : []
  })
  if (changed.length === 0 && wish.quantize !== undefined && wish.quantize !== 'auto')
    throw nothingToDo(checkpoint, description, type)
  const storedBytes = [...description.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  const quantized = changed.length === 0 ? undefined : { type, from: [...new Set(changed)], storedBytes }
  return { description: held, quantized }
}

async function typeFor(
  checkpoint: Checkpoint,
  description: ModelDescription,
  { quantize: choice = 'auto', memoryLimit }: QuantizeWish,
  backend: Backend,
  limits: CompileOptions,
): Promise<FileType | undefined> {
  if (choice === 'none') return undefined
  if (choice !== 'auto') {
    const type = fileTypeNamed(choice, 'quantize', ['auto', 'none'])
    if (type !== 'F32') return type
    throw new OptionError('quantize', 'Weights are never held in more bits than they are stored in.', 'Use none.')
  }
  // Who chose a GGUF file chose its type.
  if (checkpoint.format === 'gguf') return undefined
  const need = (tensors: ReadonlyMap<string, Tensor>) => backend.measure(description.graph, tensors, limits)
  return chooseType({
    asStored: need(description.tensors).weights,
    inQ8: totalOf(need(withTensorsIn(description, 'Q8_0').tensors)),
    room: memoryLimit ?? (await machineMemory()) * SHARE_OF_MEMORY,
  })
}

/**
 * Small models are held as they are stored; larger ones in 8 bits, which are read in half the time and lose next to
 * nothing; those that do not fit so, in 4.
 * @param sizes bytes: of the weights as stored, of the whole model with weights in 8 bits, and of what there is
 */
export function chooseType({ asStored, inQ8, room }: { asStored: number; inQ8: number; room: number }) {
  if (asStored <= SMALL_BYTES) return undefined
  return inQ8 <= room ? 'Q8_0' : 'Q4_0'
}

function totalOf({ weights, state, activations }: ReturnType<Backend['measure']>): number {
  return weights + state + activations
}

function withTensorsIn(description: ModelDescription, type: FileType): ModelDescription {
  const place = { layers: description.config.layers, head: headOf(description.tensors) }
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of description.tensors) {
    const wanted = typeInFile({ name, shape: tensor.shape, ...place }, type)
    const isChanged = FLOATS.includes(tensor.type) && wanted !== 'F32'
    tensors.set(name, isChanged ? quantizedTensor(tensor, wanted) : tensor)
  }
  return { ...description, tensors }
}

function nothingToDo(checkpoint: Checkpoint, { tensors }: ModelDescription, type: FileType): OptionError {
  const types = [...new Set([...tensors.values()].filter(({ shape }) => shape.length > 1).map((tensor) => tensor.type))]
  return new OptionError(
    'quantize',
    `The weights of ${checkpoint.name} are stored as ${types.join(', ')}: there are no floats to quantise to ${type}.`,
    'Leave the option out, or write another file with `laju quantize`.',
  )
}

/** The choices, for messages and help. */
export const QUANTIZE_CHOICES: readonly QuantizeChoice[] = [
  'auto',
  'none',
  ...FILE_TYPE_NAMES.filter((name) => name !== 'F32'),
]
