import { CheckpointError } from '../errors.ts'
import type { Graph } from '../graph/operations.ts'
import { decodedFp8 } from '../weights/block-scaled-fp8.ts'
import type { Checkpoint, GgufCheckpoint, SafetensorsCheckpoint } from '../weights/checkpoint.ts'
import { quoted } from '../weights/quoted.ts'
import type { Tensor } from '../weights/tensor.ts'
import type { Architecture } from './architecture.ts'
import type { DecoderConfig } from './config.ts'
import { expertViews } from './expert-views.ts'
import { ggufConfig } from './gguf-config.ts'
import { huggingFaceConfig } from './hugging-face-config.ts'
import { ModelWeights } from './model-weights.ts'
import { GGUF_ARCHITECTURES, HUGGING_FACE_CLASSES } from './registry.ts'
import { byGgufName } from './tensor-names.ts'

/** A checkpoint understood: what it computes, and the tensors it computes with. */
export interface ModelDescription {
  readonly architecture: Architecture
  readonly config: DecoderConfig
  readonly graph: Graph
  /** By GGUF name. */
  readonly tensors: ReadonlyMap<string, Tensor>
}

/**
 * Finds the family of a checkpoint, reads its configuration and records its graph. No weight is read but small
 * constants.
 * @throws CheckpointError `unsupported-architecture`, `invalid-checkpoint`, `unsupported-type`
 */
export async function describe(checkpoint: Checkpoint, signal?: AbortSignal): Promise<ModelDescription> {
  const architecture = architectureOf(checkpoint)
  const { config, tensors } =
    checkpoint.format === 'gguf'
      ? await fromGguf(architecture, checkpoint, signal)
      : fromHuggingFace(architecture, checkpoint)
  const graph = architecture.record(config, new ModelWeights(tensors, checkpoint.name))
  return { architecture, config, graph, tensors }
}

type Understood = Pick<ModelDescription, 'config' | 'tensors'>

async function fromGguf(
  architecture: Architecture,
  checkpoint: GgufCheckpoint,
  signal?: AbortSignal,
): Promise<Understood> {
  const config = await ggufConfig(checkpoint, architecture, signal)
  const { tensors } = checkpoint
  return { config, tensors: expertViews(tensors, { layers: config.layers, experts: config.experts?.count ?? 0 }) }
}

function fromHuggingFace(architecture: Architecture, checkpoint: SafetensorsCheckpoint): Understood {
  const config = huggingFaceConfig(checkpoint, architecture)
  const counts = { layers: config.layers, experts: config.experts?.count ?? 0 }
  const tensors = byGgufName(decodedFp8(checkpoint.tensors), architecture.huggingFaceTensors, counts)
  const { name, config: stated } = checkpoint
  if (stated.tie_word_embeddings === true) return { config, tensors: tied(tensors) }
  if (stated.tie_word_embeddings === false && !tensors.has('output.weight')) {
    const head = quoted(architecture.huggingFaceTensors['output.weight'])
    throw new CheckpointError(
      'invalid-checkpoint',
      `${name} has no tensor ${head}, and says that its table is no head.`,
      {
        file: name,
        field: 'tie_word_embeddings',
        remedy: 'The files are incomplete, or the configuration is of another model; get them again.',
      },
    )
  }
  return { config, tensors }
}

/** Of a table and a head that are one, either may be stored, or both; the table serves, as in transformers. */
function tied(tensors: Map<string, Tensor>): Map<string, Tensor> {
  const head = tensors.get('output.weight')
  tensors.delete('output.weight')
  if (head && !tensors.has('token_embd.weight')) tensors.set('token_embd.weight', head)
  return tensors
}

function architectureOf(checkpoint: Checkpoint): Architecture {
  const [field, table, names] =
    checkpoint.format === 'gguf'
      ? (['general.architecture', GGUF_ARCHITECTURES, [checkpoint.metadata.get('general.architecture')]] as const)
      : (['architectures', HUGGING_FACE_CLASSES, [checkpoint.config.architectures].flat()] as const)
  const named = names.filter((name) => typeof name === 'string')
  const found = named.find((name) => Object.hasOwn(table, name))
  if (found !== undefined) return table[found]
  const known = Object.keys(table).join(', ')
  throw new CheckpointError(
    'unsupported-architecture',
    named.length > 0
      ? `${checkpoint.name} is of the architecture ${named.map(quoted).join(', ')}, which this version cannot run.`
      : `${checkpoint.name} does not say its architecture.`,
    { file: checkpoint.name, field, remedy: `This version runs: ${known}.` },
  )
}
