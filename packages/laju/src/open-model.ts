import { type LoadOptions, load, type Model } from '@laju/engine'
import { resolveModel } from './model-reference.ts'
import { showingProgress } from './terminal/load-progress.ts'

/** Loads the model a person typed, with a progress line for those that take a while. */
export function openModel(typed: string, options: Omit<LoadOptions, 'onProgress'>): Promise<Model> {
  return showingProgress(typed, (onProgress) => load(resolveModel(typed), { ...options, onProgress }))
}
