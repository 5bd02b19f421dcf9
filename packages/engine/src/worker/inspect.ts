import { describe } from '../architectures/describe.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import { openAdapter } from '../hub/open-adapter.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { adapterInfo } from './adapter-info.ts'
import { withinMemory } from './memory-budget.ts'
import { heldModel, modelInfo } from './model-info.ts'
import type { AdapterInfo, EngineOptions, ModelInfo } from './types.ts'

/** What a checkpoint is and what it needs, from its headers alone. @throws CheckpointError, OptionError, AbortError */
export async function inspectModel(
  location: ModelLocation,
  options: EngineOptions,
  signal?: AbortSignal,
): Promise<ModelInfo> {
  return infoOf(await openCheckpoint(location, signal), options, signal)
}

/** As `inspectModel`, of one that is open, and is closed then. */
export async function infoOf(checkpoint: Checkpoint, asked: EngineOptions, signal?: AbortSignal): Promise<ModelInfo> {
  try {
    const stored = await describe(checkpoint, signal)
    const { description, quantized } = await heldModel(checkpoint, stored, asked)
    const { options, notices } = withinMemory(description, asked)
    return { ...modelInfo(checkpoint, description, options, quantized), notices }
  } finally {
    await checkpoint.close()
  }
}

/** What an adapter is, from its headers alone. @throws CheckpointError, AbortError */
export async function inspectAdapterAt(location: ModelLocation, signal?: AbortSignal): Promise<AdapterInfo> {
  const adapter = await openAdapter(location, signal)
  try {
    return adapterInfo(adapter)
  } finally {
    await adapter.close()
  }
}
