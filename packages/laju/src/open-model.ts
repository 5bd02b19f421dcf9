import { type LoadOptions, load, type Model } from '@laju/engine'
import { resolveModel } from './model-reference.ts'
import { showingProgress } from './terminal/load-progress.ts'
import { neutralise } from './terminal/neutralise.ts'

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
  return model
}
