import type { QuantizedFile } from '#convert/quantize-file'
import { type FileType, fileTypeNamed } from '../convert/file-type.ts'
import { EngineError } from '../errors.ts'
import type { ModelSource } from '../hub/model-location.ts'
import type { QuantizeProgress } from '../worker/types.ts'
import { EngineThread } from './engine-thread.ts'
import { locateModel } from './model-source.ts'

export interface QuantizeOptions {
  /** What most of the weights become. */
  readonly type: FileType
  readonly onProgress?: (progress: QuantizeProgress) => void
  readonly signal?: AbortSignal
}

/**
 * Writes a model as a GGUF file of some type, which laju and other programs of the llama.cpp family run. It is written
 * under a temporary name and gets its own when it is whole.
 * @param reference as for `load`
 * @param output path of the new file, ending in .gguf; it may not be the model's own
 * @throws CheckpointError, also `invalid-checkpoint` for weights that are no numbers; TokenizerError, OptionError;
 *   LajuError `disk-full`, `write-failed`; DownloadError, AbortError
 */
export async function quantize(
  reference: ModelSource,
  output: string,
  { type, onProgress, signal }: QuantizeOptions,
): Promise<QuantizedFile> {
  const known = fileTypeNamed(type, 'type')
  const path = await locateModel(reference, { onProgress, signal })
  const thread = await EngineThread.start()
  try {
    const request = { path, output, type: known }
    return await thread.call('quantize', request, { signal, onEvent: onProgress, tidiesUp: true })
  } finally {
    await thread.stop(new EngineError('disposed', 'The file has been written.'))
  }
}
