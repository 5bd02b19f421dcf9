import { CheckpointError } from '../errors.ts'
import type { Graph } from '../graph/operations.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { quoted } from '../weights/quoted.ts'
import type { Tensor } from '../weights/tensor.ts'
import type { Architecture } from './architecture.ts'
import type { DecoderConfig } from './config.ts'
import { ggufConfig } from './gguf-config.ts'
import { huggingFaceConfig } from './hugging-face-config.ts'
import { ModelWeights } from './model-weights.ts'
import { ARCHITECTURES } from './registry.ts'
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
      ? { config: await ggufConfig(checkpoint, architecture, signal), tensors: checkpoint.tensors }
      : fromHuggingFace(architecture, checkpoint)
  const graph = architecture.record(config, new ModelWeights(tensors, checkpoint.name))
  return { architecture, config, graph, tensors }
}

function fromHuggingFace(
  { huggingFaceTensors }: Architecture,
  checkpoint: Extract<Checkpoint, { format: 'safetensors' }>,
): { config: DecoderConfig; tensors: ReadonlyMap<string, Tensor> } {
  const config = huggingFaceConfig(checkpoint, huggingFaceTensors['token_embd.weight'])
  const tensors = byGgufName(checkpoint.tensors, huggingFaceTensors, config.layers)
  // A tied head may be stored all the same; the table serves, as in transformers.
  if (checkpoint.config.tie_word_embeddings === true) tensors.delete('output.weight')
  return { config, tensors }
}

function architectureOf(checkpoint: Checkpoint): Architecture {
  const [field, names] =
    checkpoint.format === 'gguf'
      ? (['general.architecture', [checkpoint.metadata.get('general.architecture')]] as const)
      : (['architectures', [checkpoint.config.architectures].flat()] as const)
  const found = ARCHITECTURES.find((architecture) =>
    names.includes(checkpoint.format === 'gguf' ? architecture.name : architecture.huggingFaceClass),
  )
  if (found) return found
  const named = names.filter((name) => typeof name === 'string').map(quoted)
  const known = ARCHITECTURES.map((architecture) => architecture.name).join(', ')
  throw new CheckpointError(
    'unsupported-architecture',
    named.length > 0
      ? `${checkpoint.name} is of the architecture ${named.join(', ')}, which this version cannot run.`
      : `${checkpoint.name} does not say its architecture.`,
    { file: checkpoint.name, field, remedy: `This version runs: ${known}.` },
  )
}
