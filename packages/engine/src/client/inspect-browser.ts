import { EngineError, LajuError } from '../errors.ts'
import type { ModelSource } from '../hub/model-location.ts'
import type { PullOptions } from '../hub/pull.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AdapterInfo, EngineOptions, ModelInfo } from '../worker/types.ts'
import { EngineThread } from './engine-thread.ts'
import { locateModel } from './model-source.ts'

/* What reads checkpoints is in the worker only: a page would have all of it a second time. */

/** As in Node. */
export async function inspect(
  reference: ModelSource,
  { signal, onProgress, ...options }: EngineOptions & PullOptions = {},
): Promise<ModelInfo> {
  const path = await locateModel(reference, { signal, onProgress })
  return inWorker((thread) => thread.call('inspect', { path, options }, { signal }))
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

async function inWorker<Result>(work: (thread: EngineThread) => Promise<Result>): Promise<Result> {
  const thread = await EngineThread.start()
  try {
    return await work(thread)
  } finally {
    await thread.stop(new EngineError('disposed', 'It has been looked at.'))
  }
}
