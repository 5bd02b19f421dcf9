import { LajuError } from '../errors.ts'
import type { ModelSource } from '../hub/model-location.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AdapterInfo, EngineOptions, ModelInfo } from '../worker/types.ts'
import { inWorker } from './in-worker.ts'
import { locateModel } from './model-source.ts'

/* What reads checkpoints is in the worker only: a page would have all of it a second time. */

/** As in Node. */
export async function inspect(
  reference: ModelSource,
  { signal, onProgress: _, token, endpoint, ...options }: EngineOptions & PullOptions = {},
): Promise<ModelInfo> {
  const path = await locateModel(reference, { signal, token, endpoint, store: false })
  const info = await inWorker((thread) => thread.call('inspect', { path, options }, { signal }))
  const isElsewhere = typeof path !== 'string' && 'open' in path
  return isElsewhere ? { ...info, download: path.files.reduce((sum, { size = 0 }) => sum + size, 0) } : info
}

/** As in Node. */
export async function inspectAdapter(reference: ModelSource, options: PullOptions = {}): Promise<AdapterInfo> {
  const path = await locateModel(reference, options)
  return inWorker((thread) => thread.call('inspectAdapter', { path }, options))
}

/** @throws LajuError `unsupported-platform`: a page has no tokenizer but that of a loaded model */
export async function openTokenizer(_reference: ModelSource, _options?: PullOptions): Promise<Tokenizer> {
  throw new LajuError('unsupported-platform', 'A page cannot have a tokenizer without its model.', {
    remedy: 'Load the model, and use its tokenize and detokenize.',
  })
}
