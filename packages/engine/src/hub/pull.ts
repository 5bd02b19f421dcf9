import { join } from 'node:path'
import { CheckpointError, DownloadError } from '../errors.ts'
import { type AddressFile, addressFile, downloadAddress } from './address.ts'
import { CachedRepository } from './cache.ts'
import { type Choice, chooseFiles } from './choose-files.ts'
import { download } from './download.ts'
import { addressCache, hubCache, hubEndpoint, hubToken, isOffline } from './environment.ts'
import { checkSpace, isFile, startedBytes } from './part-file.ts'
import type { DownloadProgress } from './progress.ts'
import {
  type ModelReference,
  parseReference,
  type RemoteReference,
  type RepositoryReference,
  referenceName,
} from './reference.ts'
import { fileAddress, listRepository, type RepositoryFile } from './repository.ts'

export interface PullOptions {
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/**
 * The path of the model that a reference names, downloaded first where it is not here. What is here is taken without
 * asking anybody.
 * @throws OptionError, CheckpointError, DownloadError, AbortError
 */
export async function locate(typed: string, options: PullOptions = {}): Promise<string> {
  const reference = parseReference(typed, hubEndpoint())
  const here = await findHere(reference)
  if (here !== undefined || reference.kind === 'path') return here ?? typed
  if (reference.kind === 'repository') return pullRepository(reference, options)
  return pullAddress(addressFile(addressCache(), reference.url), options)
}

/** The path of a model that is on this machine: of any that a path names, and of what has been downloaded. */
export async function findHere(reference: ModelReference): Promise<string | undefined> {
  if (reference.kind === 'path') return reference.path
  if (reference.kind === 'repository') return findInCache(reference)
  const { path } = addressFile(addressCache(), reference.url)
  return (await isFile(path)) ? path : undefined
}

/**
 * Downloads the model that a reference names as it is now, as far as it is not here already, and answers its path.
 * @throws OptionError, CheckpointError, DownloadError, AbortError
 */
export async function pull(typed: string, options: PullOptions = {}): Promise<string> {
  const reference = parseReference(typed, hubEndpoint())
  if (reference.kind === 'path') return reference.path
  if (reference.kind === 'repository') return pullRepository(reference, options)
  const file = addressFile(addressCache(), reference.url)
  return (await isFile(file.path)) ? file.path : pullAddress(file, options)
}

async function findInCache(reference: RepositoryReference): Promise<string | undefined> {
  const cached = new CachedRepository(hubCache(), reference.repository)
  for (const { folder, files } of await cached.snapshots(reference.revision)) {
    try {
      const choice = chooseFiles(files, reference.choice, reference.repository)
      const isWhole = choice.open.endsWith('.gguf') || (await hasAll(folder, choice))
      if (isWhole) return join(folder, ...choice.open.split('/'))
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
    }
  }
  return undefined
}

/** Whether a folder of safetensors files has what it needs: other programs may have fetched some of it only. */
async function hasAll(folder: string, { files }: Choice<{ path: string }>): Promise<boolean> {
  const names = new Set(files.map(({ path }) => path))
  // Of an adapter's two files neither can be missing here, and it has no tokenizer.
  if (names.has('adapter_config.json') && !names.has('config.json')) return true
  const hasTokenizer = ['tokenizer.json', 'tokenizer.model', 'vocab.json'].some((name) => names.has(name))
  if (!hasTokenizer) return false
  for (const name of names) {
    const count = Number(/-\d+-of-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0)
    if (count === 0) continue
    const parts = [...names].filter((other) => other.endsWith(name.slice(name.lastIndexOf('-of-'))))
    return parts.length === count && (await isFile(join(folder, 'model.safetensors.index.json')))
  }
  return true
}

async function pullRepository(reference: RepositoryReference, options: PullOptions): Promise<string> {
  const { repository, revision } = reference
  await refuseOffline(reference)
  const endpoint = hubEndpoint()
  const token = await hubToken()
  const { commit, files } = await listRepository(reference, endpoint, token, options.signal)
  const choice = chooseFiles(files, reference.choice, `${repository} on ${new URL(endpoint).host}`)
  const cached = new CachedRepository(hubCache(), repository)
  const source = { endpoint, repository, commit, token }
  await fetchMissing(choice.files, cached, source, options)
  for (const { checksum, path } of choice.files) await cached.link(checksum, commit, path)
  // Last, so that a revision never leads to what is not here yet.
  await cached.setRevision(revision, commit)
  return join(cached.snapshotFolder(commit), ...choice.open.split('/'))
}

interface Source {
  readonly endpoint: string
  readonly repository: string
  readonly commit: string
  readonly token: string | undefined
}

async function fetchMissing(
  files: readonly RepositoryFile[],
  cached: CachedRepository,
  { endpoint, repository, commit, token }: Source,
  { signal, onProgress }: PullOptions,
): Promise<void> {
  const missing = await missingFiles(files, cached)
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
