import { describe } from '../architectures/describe.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
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
    return modelInfo(checkpoint, await describe(checkpoint, signal), options)
  } finally {
    await checkpoint.close()
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
