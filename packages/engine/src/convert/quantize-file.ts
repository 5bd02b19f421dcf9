import { describe } from '../architectures/describe.ts'
import { chatTemplateSource } from '../chat/template-source.ts'
import { OptionError } from '../errors.ts'
import { samplingOfGenerationConfig, samplingToGguf } from '../generate/sampling-defaults.ts'
import { checkpointName } from '../hub/checkpoint-name.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { tokenizerToGguf } from '../tokenizer/to-gguf.ts'
import type { GgufCheckpoint, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import { ELEMENT_LAYOUTS, type ElementType } from '../weights/element-type.ts'
import { fieldsOf, type GgufField, uint32 } from '../weights/gguf-fields.ts'
import { tensorToWrite, type WriteOptions, writeGguf } from '../weights/gguf-writer.ts'
import type { Tensor } from '../weights/tensor.ts'
import { configToGguf } from './config-to-gguf.ts'
import { FILE_TYPES, type FileType } from './file-type.ts'
import { tensorsOfGguf, tensorsToGguf } from './tensors-to-gguf.ts'

/** What was made of a checkpoint. */
export interface QuantizedFile {
  readonly path: string
  readonly type: FileType
  /** Bytes of the tensors that were read. */
  readonly before: number
  /** Bytes of the file that was written. */
  readonly after: number
  /** How many tensors of the file are stored in each type. */
  readonly types: Readonly<Partial<Record<ElementType, number>>>
  /** Tensors whose rows are no whole blocks of the type they should have, and so have one of smaller blocks. */
  readonly fallbacks: readonly string[]
  /** The weights had been quantised before: what was lost then stays lost. */
  readonly wasQuantized: boolean
  /** Without one the file takes token ids only. */
  readonly hasTokenizer: boolean
}

const FLOATS: readonly ElementType[] = ['F32', 'F16', 'BF16', 'F64', 'F8_E4M3']

/**
 * Writes the checkpoint at a path as one GGUF file of some type, tensor by tensor: a Hugging Face folder with its
 * configuration, tokenizer, chat template and sampling advice, a GGUF file with the metadata that it has.
 * @param output where to; its name ends in .gguf, and it is not a file of the checkpoint
 * @throws CheckpointError, TokenizerError, OptionError, LajuError `disk-full`, `write-failed`; AbortError. Nothing is
 *   left behind then, and what was at `output` before is still there.
 */
export async function quantizeFile(
  location: ModelLocation,
  output: string,
  type: FileType,
  options: WriteOptions = {},
): Promise<QuantizedFile> {
  if (!output.endsWith('.gguf')) {
    throw new OptionError('output', `${output} does not end in .gguf, as the name of a GGUF file must.`)
  }
  const checkpoint = await openCheckpoint(location, options.signal)
  try {
    const stored = [...checkpoint.tensors.values()]
    await refuseOwnFile(stored, output)
    const { fields, tensors } =
      checkpoint.format === 'gguf'
        ? await fromGguf(checkpoint, type, options.signal)
        : await fromFolder(checkpoint, type, options.signal)
    const toWrite = [...tensors].map(([name, tensor]) => tensorToWrite(name, tensor))
    return {
      path: output,
      type,
      before: stored.reduce((sum, tensor) => sum + tensor.byteLength, 0),
      after: await writeGguf(output, fields, toWrite, options),
      types: countTypes([...tensors.values()]),
      fallbacks: [...tensors].filter(([, tensor]) => isFallback(tensor, type)).map(([name]) => name),
      wasQuantized: stored.some((tensor) => !FLOATS.includes(tensor.type) && tensor.shape.length > 1),
      hasTokenizer: fields.has('tokenizer.ggml.tokens'),
    }
  } finally {
    await checkpoint.close()
  }
}

interface Contents {
  readonly fields: ReadonlyMap<string, GgufField>
  readonly tensors: ReadonlyMap<string, Tensor>
}

async function fromGguf(checkpoint: GgufCheckpoint, type: FileType, signal?: AbortSignal): Promise<Contents> {
  const { config } = await describe(checkpoint, signal)
  const fields = fieldsOf(checkpoint.metadata, checkpoint.numberTypes)
  for (const key of fields.keys()) if (key.startsWith('split.') || key === 'general.alignment') fields.delete(key)
  for (const [key, field] of typeFields(type)) fields.set(key, field)
  return { fields, tensors: tensorsOfGguf(checkpoint.tensors, config.layers, type) }
}

async function fromFolder(checkpoint: SafetensorsCheckpoint, type: FileType, signal?: AbortSignal): Promise<Contents> {
  const description = await describe(checkpoint, signal)
  const { architecture, config } = description
  const template = chatTemplateSource(checkpoint)
  const fields = new Map<string, GgufField>([
    ['general.architecture', { value: architecture.name }],
    ['general.type', { value: 'model' }],
    ['general.name', { value: checkpointName(checkpoint) }],
    ...typeFields(type),
    ...samplingToGguf(samplingOfGenerationConfig(checkpoint.generationConfig ?? {}, checkpoint.name)),
    ...configToGguf(config, architecture.name, checkpoint.name),
    ...textFields(checkpoint, config.vocabulary),
    ...(template === undefined ? [] : ([['tokenizer.chat_template', { value: template }]] as const)),
  ])
  return { fields, tensors: tensorsToGguf(description, type) }
}

/** A folder without a tokenizer gives a file without one, which llama.cpp wants to be told. */
function textFields(checkpoint: SafetensorsCheckpoint, vocabulary: number): ReadonlyMap<string, GgufField> {
  const hasTokenizer = checkpoint.tokenizer !== undefined || checkpoint.sentencePiece !== undefined
  if (hasTokenizer) return tokenizerToGguf(checkpoint, vocabulary)
  return new Map([['tokenizer.ggml.model', { value: 'no_vocab' }]])
}

function typeFields(type: FileType): Map<string, GgufField> {
  return new Map([
    ['general.file_type', uint32(FILE_TYPES[type].id)],
    ['general.quantization_version', uint32(2)],
  ])
}

/** A matrix of a type that no rule but that of whole blocks gives it. */
function isFallback({ shape, type }: Tensor, fileType: FileType): boolean {
  const columns = shape[shape.length - 1]
  const { blockLength } = ELEMENT_LAYOUTS[FILE_TYPES[fileType].matrices]
  return shape.length > 1 && type !== 'F32' && columns % blockLength !== 0
}

function countTypes(tensors: readonly Tensor[]): QuantizedFile['types'] {
  const counts: Partial<Record<ElementType, number>> = {}
  for (const { type } of tensors) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** By what the system says a file is, for one file may have many names. */
async function refuseOwnFile(tensors: readonly Tensor[], output: string): Promise<void> {
  const { stat } = await import('node:fs/promises')
  const identity = async (path: string) => {
    const status = await stat(path).catch(() => undefined)
    return status && `${status.dev} ${status.ino}`
  }
  const existing = await identity(output)
  if (existing === undefined) return
  for (const name of new Set(tensors.map(({ source }) => source.name))) {
    if ((await identity(name)) !== existing) continue
    throw new OptionError('output', `${output} is a file of the model that is to be read.`, 'Give it another name.')
  }
}
