import type { Folder } from '../bytes/folder.ts'
import { CheckpointError } from '../errors.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { fileKind } from '../weights/file-kind.ts'
import { openSafetensors } from '../weights/safetensors.ts'
import { CachedRepository } from './cache.ts'
import { chooseFiles } from './choose-files.ts'
import { hubCache, hubEndpoint, hubToken } from './environment.ts'
import { openGgufOf, openModelFolder } from './open-checkpoint.ts'
import { findHere, missingFiles, type PullOptions, refuseOffline } from './pull.ts'
import { parseReference, type RepositoryReference, referenceName } from './reference.ts'
import { RemoteSource } from './remote-source.ts'
import { fileAddress, listRepository, type RepositoryFile } from './repository.ts'

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
export async function openRemote(typed: string, { signal }: PullOptions = {}): Promise<RemoteModel | undefined> {
  const reference = parseReference(typed, hubEndpoint())
  if (reference.kind === 'path' || (await findHere(reference)) !== undefined) return undefined
  await refuseOffline(reference)
  return reference.kind === 'address' ? openAddress(reference.url, signal) : openRepository(reference, signal)
}

async function openRepository(reference: RepositoryReference, signal?: AbortSignal): Promise<RemoteModel> {
  const { repository } = reference
  const endpoint = hubEndpoint()
  const token = await hubToken()
  const { commit, files } = await listRepository(reference, endpoint, token, signal)
  const choice = chooseFiles(files, reference.choice, `${repository} on ${new URL(endpoint).host}`)
  const addressOf = (path: string) => fileAddress(endpoint, repository, commit, path)
  const folder = remoteFolder(referenceName({ ...reference, choice: undefined }), choice.files, addressOf, token)
  const missing = await missingFiles(choice.files, new CachedRepository(hubCache(), repository))
  return {
    checkpoint: await openChoice(folder, choice.open, signal),
    download: missing.reduce((sum, { size }) => sum + size, 0),
  }
}

function openChoice(folder: Folder, open: string, signal?: AbortSignal): Promise<Checkpoint> {
  if (open === '') return openModelFolder(folder, signal)
  return open.endsWith('.gguf') ? openGgufOf(folder, open, signal) : openSafetensors(folder, open, signal)
}

function remoteFolder(
  name: string,
  all: readonly RepositoryFile[],
  addressOf: (path: string) => string,
  token: string | undefined,
): Folder {
  const files = all.filter(({ path }) => !TOKENIZER.test(path))
  return {
    name,
    files: files.map(({ path }) => path).sort(),
    async open(path) {
      const size = files.find((file) => file.path === path)?.size
      const file = { name: `${name}/${path}`, url: addressOf(path), token }
      if (size !== undefined) return RemoteSource.of(file, size)
      throw new CheckpointError('not-found', `There is no file ${file.name}.`, { file: file.url })
    },
  }
}

/** The file of any address stands alone: of a split model or a folder, the other files are not known. */
async function openAddress(url: string, signal?: AbortSignal): Promise<RemoteModel> {
  const source = await RemoteSource.open({ name: url, url }, signal)
  const name = url.split('/').at(-1) ?? ''
  const folder: Folder = { name: url, files: [name], open: async () => source }
  const isGguf = (await fileKind(source, signal)) === 'gguf'
  const checkpoint = isGguf ? await openGgufOf(folder, name, signal) : await openSafetensors(folder, name, signal)
  return { checkpoint, download: source.size }
}
