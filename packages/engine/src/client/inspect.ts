import { describe, type ModelDescription } from '../architectures/describe.ts'
import { CheckpointError } from '../errors.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { modelInfo } from '../worker/model-info.ts'
import type { EngineOptions, ModelInfo } from '../worker/types.ts'
import { locate } from './downloads.ts'

/**
 * What a checkpoint is and what it needs, from its headers alone.
 * @param reference as for `load`
 * @throws CheckpointError, DownloadError, OptionError
 */
export async function inspect(
  reference: string,
  { signal, onProgress, ...options }: EngineOptions & PullOptions = {},
): Promise<ModelInfo> {
  const checkpoint = await openCheckpoint(await locate(reference, { signal, onProgress }), signal)
  try {
    const description = await describe(checkpoint, signal)
    return infoOnWhatRunsIt(checkpoint, description, options)
  } finally {
    await checkpoint.close()
  }
}

/** Of a model whose types have no kernel yet, what it needs on the reference backend. */
function infoOnWhatRunsIt(checkpoint: Checkpoint, description: ModelDescription, options: EngineOptions): ModelInfo {
  try {
    return modelInfo(checkpoint, description, options)
  } catch (error) {
    const lacksKernel = error instanceof CheckpointError && error.code === 'unsupported-type'
    if (!lacksKernel || options.backend !== undefined) throw error
    return modelInfo(checkpoint, description, { ...options, backend: 'reference' })
  }
}

/**
 * A checkpoint's tokenizer, without its weights.
 * @param reference as for `load`
 * @throws CheckpointError, DownloadError, TokenizerError
 */
export async function openTokenizer(reference: string, options: PullOptions = {}): Promise<Tokenizer> {
  const { signal } = options
  const checkpoint = await openCheckpoint(await locate(reference, options), signal)
  try {
    return tokenizerOf(checkpoint)
  } finally {
    await checkpoint.close()
  }
}
