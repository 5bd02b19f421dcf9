import { openRemote } from '#client/downloads'
import type { ModelSource } from '../hub/model-location.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import { infoOf, inspectAdapterAt, inspectModel } from '../worker/inspect.ts'
import type { AdapterInfo, EngineOptions, ModelInfo } from '../worker/types.ts'
import { locateModel } from './model-source.ts'

/**
 * What a checkpoint is and what it needs, from its headers alone; one that is not on this machine is not downloaded.
 * @param reference as for `load`
 * @throws CheckpointError, `is-an-adapter` where `inspectAdapter` is meant; OptionError; DownloadError, `no-ranges` where
 *   a server gives whole files only
 */
export async function inspect(
  reference: ModelSource,
  { signal, onProgress, token, endpoint, ...options }: EngineOptions & PullOptions = {},
): Promise<ModelInfo> {
  const fetching = { signal, onProgress, token, endpoint }
  const remote = typeof reference === 'string' ? await openRemote(reference, fetching) : undefined
  if (remote) return { ...(await infoOf(remote.checkpoint, options, signal)), download: remote.download }
  return inspectModel(await locateModel(reference, fetching), options, signal)
}

/**
 * What an adapter is, from its headers alone.
 * @param reference as for `Model.attach`
 * @throws CheckpointError, DownloadError, OptionError
 */
export async function inspectAdapter(reference: ModelSource, options: PullOptions = {}): Promise<AdapterInfo> {
  return inspectAdapterAt(await locateModel(reference, options), options.signal)
}

/**
 * A checkpoint's tokenizer, without its weights.
 * @param reference as for `load`
 * @throws CheckpointError, DownloadError, TokenizerError
 */
export async function openTokenizer(reference: ModelSource, options: PullOptions = {}): Promise<Tokenizer> {
  const { signal } = options
  const checkpoint = await openCheckpoint(await locateModel(reference, options), signal)
  try {
    return tokenizerOf(checkpoint)
  } finally {
    await checkpoint.close()
  }
}
