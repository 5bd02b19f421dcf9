import { CachedRepository } from '#hub/cache'
import { hubCache, hubEndpoint } from '#hub/environment'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { openIn } from './open-checkpoint.ts'
import { addressOnServer, findHere, findPublished, missingFiles, onServer, type PullOptions } from './pull.ts'
import { parseReference, type RepositoryReference } from './reference.ts'
import { type RemoteFiles, remoteFolder } from './remote-folder.ts'
import { HEADERS } from './remote-source.ts'

/** A model that is not on this machine, opened by the headers of its files. It has no tokenizer. */
export interface RemoteModel {
  readonly checkpoint: Checkpoint
  /** Bytes that would have to be downloaded to load it. */
  readonly download: number
}

/** Large, and not needed to tell what a model is. */
const TOKENIZER = /^tokenizer\.(?:json|model)$/

/**
 * Opens a model where it is published, without downloading it.
 * @returns undefined for one that is here: `locate` finds it
 * @throws OptionError, CheckpointError, DownloadError (`no-ranges` where the server gives whole files only), AbortError
 */
export async function openRemote(typed: string, options: PullOptions = {}): Promise<RemoteModel | undefined> {
  const reference = parseReference(typed, options.endpoint ?? hubEndpoint())
  if (reference.kind === 'path' || (await findHere(reference)) !== undefined) return undefined
  if (reference.kind === 'repository') return openRepository(reference, options)
  return openAddress(await addressOnServer(reference), options.signal)
}

async function openRepository(reference: RepositoryReference, options: PullOptions): Promise<RemoteModel> {
  const published = await findPublished(reference, options)
  const { files, ...rest } = onServer(reference, published)
  const folder = remoteFolder({ ...rest, files: files.filter(({ path }) => !TOKENIZER.test(path)) }, HEADERS)
  const cached = new CachedRepository(hubCache(), reference.repository)
  const missing = await missingFiles(published.choice.files, cached)
  return {
    checkpoint: await openIn({ folder, file: rest.open || undefined }, options.signal),
    download: missing.reduce((sum, { size }) => sum + size, 0),
  }
}

async function openAddress(remote: RemoteFiles, signal?: AbortSignal): Promise<RemoteModel> {
  const folder = remoteFolder(remote, HEADERS)
  const { size } = await folder.open(remote.open)
  return { checkpoint: await openIn({ folder, file: remote.open }, signal), download: size }
}
