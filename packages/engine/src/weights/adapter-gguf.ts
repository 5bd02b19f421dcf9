import { type AdapterFile, adapterError, MERGE, type PartOf, pairTensors } from './adapter.ts'
import type { GgufCheckpoint, MetadataValue } from './checkpoint.ts'
import { quoted } from './quoted.ts'

/** Whether a GGUF file says that it is an adapter and no model. */
export function isAdapter({ metadata }: GgufCheckpoint): boolean {
  return metadata.get('general.type') === 'adapter'
}

/**
 * Reads a GGUF file as a LoRA adapter, and takes it over. Source: llama.cpp's `src/llama-adapter.cpp` and
 * `convert_lora_to_gguf.py`.
 * @throws CheckpointError `unsupported-adapter`, `invalid-checkpoint`
 */
export function ggufAdapter(checkpoint: GgufCheckpoint): AdapterFile {
  const { name, metadata, tensors } = checkpoint
  const text = (key: string) => textOf(metadata.get(key))
  if (!isAdapter(checkpoint)) {
    const remedy = 'Name it as the model; an adapter says "adapter" there.'
    throw adapterError('unsupported-adapter', name, 'general.type', 'it is a model, not an adapter', remedy)
  }
  const kind = text('adapter.type')
  if (kind !== 'lora') {
    const problem = `adapter.type is ${kind === undefined ? 'missing' : quoted(kind)}; only "lora" can be attached`
    throw adapterError('unsupported-adapter', name, 'adapter.type', problem, MERGE)
  }
  const invocation = 'adapter.alora.invocation_tokens'
  if (metadata.has(invocation)) {
    const problem = `${invocation} is set: it is to act from those tokens on only, which this version cannot do`
    throw adapterError('unsupported-adapter', name, invocation, problem, MERGE)
  }
  const pairs = pairTensors(name, [...tensors.values()], partOf, scaling(name, metadata.get('adapter.lora.alpha')))
  const architecture = text('general.architecture')
  const baseModel = text('general.base_model.0.name')
  return { format: 'gguf', name, baseModel, architecture, pairs, close: () => checkpoint.close() }
}

const partOf: PartOf = (tensor) => {
  const [, target, letter] = /^(.+)\.lora_([ab])$/s.exec(tensor) ?? []
  if (target === undefined) return undefined
  return { target, part: letter === 'a' ? 'a' : 'b' }
}

/** Without an alpha the matrices are meant as they are. */
function scaling(file: string, alpha: MetadataValue = 0): (target: string, rank: number) => number {
  if (typeof alpha === 'number') return (_, rank) => (alpha === 0 ? 1 : alpha / rank)
  const field = 'adapter.lora.alpha'
  throw adapterError('invalid-checkpoint', file, field, `${field} is not a number`, 'Get the adapter again.')
}

function textOf(value: MetadataValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
