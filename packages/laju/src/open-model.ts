import { type LoadOptions, load, type Model, type ModelInfo } from '@laju/engine'
import { resolveModel } from './model-reference.ts'
import { showingProgress } from './terminal/load-progress.ts'
import { neutralise } from './terminal/neutralise.ts'

/** Says on the standard error stream what a person should know of how a model runs here. */
export function printNotices({ notices }: Pick<ModelInfo, 'notices'>): void {
  for (const notice of notices) console.error(`note: ${neutralise(notice)}`)
}

/**
 * Loads the model a person typed, with a progress line for those that take a while. Where its weights were quantised
 * without having been asked for, that is said.
 */
export async function openModel(typed: string, options: Omit<LoadOptions, 'onProgress'>): Promise<Model> {
  const model = await showingProgress(typed, (onProgress) => load(resolveModel(typed), { ...options, onProgress }))
  const { quantized, name } = model.info
  if (quantized && (options.quantize ?? 'auto') === 'auto') {
    const from = quantized.from.join(' and ')
    console.error(`note: the ${from} weights of ${neutralise(name)} are held as ${quantized.type} (--quantize none)`)
  }
  printNotices(model.info)
  return model
}
