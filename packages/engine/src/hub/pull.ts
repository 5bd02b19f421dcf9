import { CachedRepository } from '#hub/cache'
import { addressCache, hubCache, hubEndpoint, hubToken, isOffline } from '#hub/environment'
import { checkSpace, isFile, startedBytes } from '#hub/part-file'
import { CheckpointError, DownloadError } from '../errors.ts'
import { type AddressFile, addressFile, downloadAddress } from './address.ts'
import { type Choice, chooseFiles } from './choose-files.ts'
import { download } from './download.ts'
import type { DownloadProgress } from './progress.ts'
import {
  type ModelReference,
  parseReference,
  type RemoteReference,
  type RepositoryReference,
  referenceName,
} from './reference.ts'
import type { RemoteFiles } from './remote-folder.ts'
import { fileAddress, listRepository, type RepositoryFile } from './repository.ts'

/** How to ask the Hub. */
export interface HubOptions {
  /** Your key to the Hub, for private and gated repositories; in Node default HF_TOKEN, or what `hf auth login` stored. */
  readonly token?: string
  /** Another server that answers like the Hub; in Node default HF_ENDPOINT. */
  readonly endpoint?: string
}

export interface PullOptions extends HubOptions {
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/**
 * The path of the model that a reference names, downloaded first where it is not here. What is here is taken without
 * asking anybody.
 * @throws OptionError, CheckpointError, DownloadError, AbortError
 */
export async function locate(typed: string, options: PullOptions = {}): Promise<string> {
  const reference = referenceOf(typed, options)
  const here = await findHere(reference)
  if (here !== undefined || reference.kind === 'path') return here ?? typed
  if (reference.kind === 'repository') return pullRepository(reference, options)
  return pullAddress(await addressFile(addressCache(), reference.url), options)
}

/**
 * As `locate`, but what is not here stays where it is: it is read from there, and nothing is stored.
 * @throws as `locate`
 */
export async function locateUnstored(typed: string, options: PullOptions = {}): Promise<string | RemoteFiles> {
  const reference = referenceOf(typed, options)
  const here = await findHere(reference)
  if (here !== undefined || reference.kind === 'path') return here ?? typed
  if (reference.kind === 'address') return addressOnServer(reference)
  return onServer(reference, await findPublished(reference, options))
}

function referenceOf(typed: string, { endpoint = hubEndpoint() }: PullOptions): ModelReference {
  return parseReference(typed, endpoint)
}

/** The path of a model that is on this machine: of any that a path names, and of what has been downloaded. */
export async function findHere(reference: ModelReference): Promise<string | undefined> {
  if (reference.kind === 'path') return reference.path
  if (reference.kind === 'repository') return findInCache(reference)
  const { path } = await addressFile(addressCache(), reference.url)
  return (await isFile(path)) ? path : undefined
}

/**
 * Downloads the model that a reference names as it is now, as far as it is not here already, and answers its path.
 * @throws OptionError, CheckpointError, DownloadError, AbortError
 */
export async function pull(typed: string, options: PullOptions = {}): Promise<string> {
  const reference = referenceOf(typed, options)
  if (reference.kind === 'path') return reference.path
  if (reference.kind === 'repository') return pullRepository(reference, options)
  const file = await addressFile(addressCache(), reference.url)
  return (await isFile(file.path)) ? file.path : pullAddress(file, options)
}

async function findInCache(reference: RepositoryReference): Promise<string | undefined> {
  const cached = new CachedRepository(hubCache(), reference.repository)
  for (const { commit, files } of await cached.snapshots(reference.revision)) {
    try {
      const choice = chooseFiles(files, reference.choice, reference.repository)
      if (choice.open.endsWith('.gguf') || hasAll(choice)) return cached.pathIn(commit, choice.open)
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
    }
  }
  return undefined
}

/** Whether a folder of safetensors files has what it needs: other programs may have fetched some of it only. */
function hasAll({ files }: Choice<{ path: string }>): boolean {
  const names = new Set(files.map(({ path }) => path))
  // Of an adapter's two files neither can be missing here, and it has no tokenizer.
  if (names.has('adapter_config.json') && !names.has('config.json')) return true
  const hasTokenizer = ['tokenizer.json', 'tokenizer.model', 'vocab.json'].some((name) => names.has(name))
  if (!hasTokenizer) return false
  for (const name of names) {
    const count = Number(/-\d+-of-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0)
    if (count === 0) continue
    const parts = [...names].filter((other) => other.endsWith(name.slice(name.lastIndexOf('-of-'))))
    return parts.length === count && names.has('model.safetensors.index.json')
  }
  return true
}

/** What the Hub has of a model now. */
export interface Published {
  readonly endpoint: string
  readonly repository: string
  readonly commit: string
  readonly token: string | undefined
  readonly choice: Choice<RepositoryFile>
}

/** Asks the Hub. @throws CheckpointError `not-found`; DownloadError; AbortError */
export async function findPublished(reference: RepositoryReference, options: PullOptions): Promise<Published> {
  const { repository } = reference
  await refuseOffline(reference)
  const { endpoint = hubEndpoint(), token = await hubToken(), signal } = options
  const { commit, files } = await listRepository(reference, endpoint, token, signal)
  const choice = chooseFiles(files, reference.choice, `${repository} on ${new URL(endpoint).host}`)
  return { endpoint, repository, commit, token, choice }
}

/** The files of a model, where the Hub has them. */
export function onServer(reference: RepositoryReference, published: Published): RemoteFiles {
  const { endpoint, repository, commit, token, choice } = published
  const files = choice.files.map(({ path, size }) => ({
    path,
    size,
    url: fileAddress(endpoint, repository, commit, path),
  }))
  return { name: referenceName({ ...reference, choice: undefined }), files, open: choice.open, token }
}

/** The file of any address stands alone: of a split model or a folder, the other files are not known. */
export async function addressOnServer({ url }: { url: string }): Promise<RemoteFiles> {
  await refuseOffline({ kind: 'address', url })
  const name = url.split('/').at(-1) ?? ''
  return { name: url, files: [{ path: name, url }], open: name }
}

async function pullRepository(reference: RepositoryReference, options: PullOptions): Promise<string> {
  const { repository, revision } = reference
  const published = await findPublished(reference, options)
  const { commit, choice } = published
  const cached = new CachedRepository(hubCache(), repository)
  await fetchMissing(published, cached, options)
  await cached.link(commit, choice.files)
  // Last, so that a revision never leads to what is not here yet.
  await cached.setRevision(revision, commit)
  return cached.pathIn(commit, choice.open)
}

async function fetchMissing(
  { endpoint, repository, commit, token, choice }: Published,
  cached: CachedRepository,
  { signal, onProgress }: PullOptions,
): Promise<void> {
  const missing = await missingFiles(choice.files, cached)
  const total = missing.reduce((sum, { size }) => sum + size, 0)
  let needed = 0
  for (const { checksum, size } of missing) needed += size - (await startedBytes(cached.blob(checksum)))
  await checkSpace(cached.folder, needed)
  let done = 0
  for (const [index, { path, size, checksum }] of missing.entries()) {
    const blob = cached.blob(checksum)
    const file = { name: path, number: index + 1, count: missing.length }
    const onBytes = (bytes: number) => onProgress?.({ stage: 'download', loaded: done + bytes, total, file })
    const url = fileAddress(endpoint, repository, commit, path)
    await download({ name: `${repository}/${path}`, url, token, size, checksum }, blob, { signal, onBytes })
    done += size
  }
}

/** The files whose content is not in the cache. */
export async function missingFiles(
  files: readonly RepositoryFile[],
  cached: CachedRepository,
): Promise<readonly RepositoryFile[]> {
  const missing: RepositoryFile[] = []
  for (const file of files) if (!(await isFile(cached.blob(file.checksum), file.size))) missing.push(file)
  return missing
}

/** @throws DownloadError `offline`, where the user wants no network; it says what there is of a repository */
export async function refuseOffline(reference: RemoteReference): Promise<void> {
  if (!isOffline()) return
  if (reference.kind === 'address') throw offline(reference.url, '')
  const cached = new CachedRepository(hubCache(), reference.repository)
  const files = (await cached.snapshots(reference.revision)).flatMap((snapshot) => snapshot.files)
  const there = [...new Set(files.map(({ path }) => path))].slice(0, 12)
  throw offline(referenceName(reference), there.length > 0 ? `Of that repository there is ${there.join(', ')}. ` : '')
}

function offline(name: string, there: string): DownloadError {
  return new DownloadError('offline', `${name} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it.`, {
    file: name,
    remedy: `${there}Unset HF_HUB_OFFLINE, or see \`laju list\` for what is here.`,
  })
}

async function pullAddress(address: AddressFile, { onProgress, signal }: PullOptions): Promise<string> {
  await refuseOffline({ kind: 'address', url: address.url })
  const file = { name: address.url, number: 1, count: 1 }
  const onBytes = (loaded: number, total: number) => onProgress?.({ stage: 'download', loaded, total, file })
  const onBegin = async (size: number) => checkSpace(address.path, size - (await startedBytes(address.path)))
  await downloadAddress(address, onBytes, onBegin, signal)
  return address.path
}
