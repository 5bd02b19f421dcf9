import { describe } from '../architectures/describe.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import { modelInfo } from '../worker/model-info.ts'
import type { EngineOptions, ModelInfo } from '../worker/types.ts'

/** What a checkpoint is and what it needs, from its headers alone. @throws CheckpointError, OptionError */
export async function inspect(
  reference: string,
  { signal, ...options }: EngineOptions & { readonly signal?: AbortSignal } = {},
): Promise<ModelInfo> {
  const checkpoint = await openCheckpoint(reference, signal)
  try {
    return modelInfo(checkpoint, await describe(checkpoint, signal), options)
  } finally {
    await checkpoint.close()
  }
}

/** A checkpoint's tokenizer, without its weights. @throws CheckpointError, TokenizerError */
export async function openTokenizer(
  reference: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Tokenizer> {
  const checkpoint = await openCheckpoint(reference, signal)
  try {
    return tokenizerOf(checkpoint)
  } finally {
    await checkpoint.close()
  }
}
