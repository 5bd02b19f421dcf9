import type { ModelSource } from '../../hub/model-location.ts'
import { type ModelToTry, type Written, writeGreedily } from './greedy.ts'

export type SourceKind = 'Blob' | 'HTTP' | 'OPFS'

export interface GreedyRequest {
  readonly models: readonly ModelToTry[]
  readonly sources: readonly SourceKind[]
  /** The address of another script for the workers. */
  readonly worker?: string
}

export interface GreedyResult extends Written {
  readonly url: string
  readonly source: SourceKind
  readonly threads: number
  readonly notices: readonly string[]
}

/** Has each model write, from each source, in the build of the engine that the server has. */
export default async function ({ models, sources, worker }: GreedyRequest): Promise<GreedyResult[]> {
  const path = '/engine/index.js'
  const { load, startWorkersFrom } = (await import(path)) as typeof import('../../index.ts')
  if (worker !== undefined) startWorkersFrom(worker)
  const results: GreedyResult[] = []
  for (const model of models) {
    for (const source of sources) {
      await using loaded = await load(await sourceOf(source, model.url), { threads: 2, store: false })
      const { threads, notices } = loaded.info
      results.push({ url: model.url, source, threads, notices, ...(await writeGreedily(loaded, model)) })
    }
  }
  return results
}

async function sourceOf(kind: SourceKind, url: string): Promise<ModelSource> {
  if (kind === 'HTTP') return url
  const blob = await (await fetch(url)).blob()
  if (kind === 'Blob') return blob
  const name = url.slice(url.lastIndexOf('/') + 1)
  const folder = await navigator.storage.getDirectory()
  const file = await (await folder.getFileHandle(name, { create: true })).createWritable()
  await blob.stream().pipeTo(file)
  return `opfs:/${name}`
}
