import { CachedRepository } from '#hub/cache'
import { addressCache, hubCache, hubEndpoint } from '#hub/environment'
import { CheckpointError } from '../errors.ts'
import { addressFile, addressFiles, removeAddress } from './address.ts'
import { type Choice, chooseFiles, listModels } from './choose-files.ts'
import { parseReference, type RemoteReference, referenceName } from './reference.ts'
import type { Snapshot, StoredFile } from './snapshot.ts'

/** A model that has been downloaded, by laju or by another program that shares the cache. */
export interface DownloadedModel {
  /** What to type for it. */
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly date: Date
}

/** The models in the cache, and those of other addresses. */
export async function listDownloads(): Promise<DownloadedModel[]> {
  const models: DownloadedModel[] = []
  for (const cached of await CachedRepository.all(hubCache())) models.push(...(await modelsOf(cached)))
  for (const { url, path, size, modified } of await addressFiles(addressCache())) {
    models.push({ name: url, path, bytes: size, date: modified })
  }
  return models
}

/** Of a model that several snapshots hold, the one that its name means. */
async function modelsOf(cached: CachedRepository): Promise<DownloadedModel[]> {
  const models = new Map<string, DownloadedModel>()
  for (const snapshot of await cached.snapshots('main')) {
    for (const choice of listModels(snapshot.files)) {
      const model = modelOf(cached, snapshot, choice)
      if (!models.has(model.name)) models.set(model.name, model)
    }
  }
  return [...models.values()]
}

function modelOf(cached: CachedRepository, { commit }: Snapshot, choice: Choice<StoredFile>): DownloadedModel {
  const { open, files } = choice
  const { repository } = cached
  return {
    name: referenceName({ kind: 'repository', repository, revision: 'main', choice: open || undefined }),
    path: cached.pathIn(commit, open),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    date: new Date(Math.max(...files.map(({ modified }) => modified.getTime()))),
  }
}

/**
 * What `remove` of a name would delete: with a quantisation or file, that; without, all of the repository.
 * @throws OptionError; CheckpointError `not-found`
 */
export async function findDownloads(typed: string): Promise<readonly DownloadedModel[]> {
  const reference = parseReference(typed, hubEndpoint())
  const found = reference.kind === 'path' ? [] : await matching(reference)
  if (found.length > 0) return found
  const all = await listDownloads()
  const remedy = all.length > 0 ? `There is ${all.map(({ name }) => name).join(', ')}.` : 'Nothing is downloaded.'
  throw new CheckpointError('not-found', `${typed} is not among the downloaded models.`, { file: typed, remedy })
}

async function matching(reference: RemoteReference): Promise<readonly DownloadedModel[]> {
  if (reference.kind === 'address') return (await listDownloads()).filter(({ name }) => name === reference.url)
  const cached = new CachedRepository(hubCache(), reference.repository)
  const models = await modelsOf(cached)
  if (reference.choice === undefined) return models
  const open = await openedBy(cached, reference.choice)
  return models.filter(({ name }) => name === referenceName({ ...reference, revision: 'main', choice: open }))
}

/** @throws as `findDownloads` */
export async function removeDownloads(typed: string): Promise<void> {
  await findDownloads(typed)
  const reference = parseReference(typed, hubEndpoint())
  if (reference.kind === 'address') return removeAddress(await addressFile(addressCache(), reference.url))
  if (reference.kind !== 'repository') return
  const cached = new CachedRepository(hubCache(), reference.repository)
  if (reference.choice === undefined) return cached.removeAll()
  const paths = new Set<string>()
  for (const { files } of await cached.snapshots('main')) {
    for (const { path } of chosen(files, reference.choice)?.files ?? []) paths.add(path)
  }
  await cached.remove((path) => paths.has(path))
}

async function openedBy(cached: CachedRepository, choice: string): Promise<string | undefined> {
  for (const { files } of await cached.snapshots('main')) {
    const found = chosen(files, choice)
    if (found) return found.open
  }
  return choice
}

function chosen(files: readonly StoredFile[], choice: string): Choice<StoredFile> | undefined {
  try {
    return chooseFiles(files, choice, '')
  } catch (error) {
    if (error instanceof CheckpointError) return undefined
    throw error
  }
}
