import { basename } from 'node:path'
import { type LoadOptions, load, type Model } from '@laju/engine'
import { resolveModel } from './model-reference.ts'
import { LiveOutput } from './terminal/live-output.ts'
import { LoadProgress } from './terminal/load-progress.ts'
import { neutralise } from './terminal/neutralise.ts'

/** Loads the model a person typed, with a progress line for those that take a while. */
export async function openModel(typed: string, options: Omit<LoadOptions, 'onProgress'>): Promise<Model> {
  const progress = new LoadProgress(new LiveOutput(), neutralise(basename(typed)))
  try {
    return await load(resolveModel(typed), { ...options, onProgress: progress.report })
  } finally {
    progress.end()
  }
}
