import { describe } from '../architectures/describe.ts'
import { openAdapter } from '../hub/open-adapter.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import { adapterInfo } from '../worker/adapter-info.ts'
import { withinMemory } from '../worker/memory-budget.ts'
import { heldModel, modelInfo } from '../worker/model-info.ts'
import type { AdapterInfo, EngineOptions, ModelInfo } from '../worker/types.ts'
import { locate, openRemote } from './downloads.ts'

/**
 * What a checkpoint is and what it needs, from its headers alone; one that is not on this machine is not downloaded.
 * @param reference as for `load`
 * @throws CheckpointError, `is-an-adapter` where `inspectAdapter` is meant; OptionError; DownloadError, `no-ranges` where
 *   a server gives whole files only
 */
export async function inspect(
  reference: string,
  { signal, onProgress, ...asked }: EngineOptions & PullOptions = {},
): Promise<ModelInfo> {
  const remote = await openRemote(reference, { signal })
  const checkpoint =
    remote?.checkpoint ?? (await openCheckpoint(await locate(reference, { signal, onProgress }), signal))
  try {
    const stored = await describe(checkpoint, signal)
    const { description, quantized } = await heldModel(checkpoint, stored, asked)
    const { options, notices } = withinMemory(description, asked)
    return { ...modelInfo(checkpoint, description, options, quantized), notices, download: remote?.download }
  } finally {
    await checkpoint.close()
  }
}

/**
 * What an adapter is, from its headers alone.
 * @param reference as for `Model.attach`
 * @throws CheckpointError, DownloadError, OptionError
 */
export async function inspectAdapter(reference: string, options: PullOptions = {}): Promise<AdapterInfo> {
  const adapter = await openAdapter(await locate(reference, options), options.signal)
  try {
    return adapterInfo(adapter)
  } finally {
    await adapter.close()
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
