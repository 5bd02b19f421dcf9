import { CheckpointError, DownloadError } from '../errors.ts'
import type { DownloadedModel } from '../hub/downloaded.ts'
import type { RemoteModel } from '../hub/open-remote.ts'
import type { PullOptions } from '../hub/pull.ts'
import { parseReference } from '../hub/reference.ts'

const REMEDY = 'Give the address of a GGUF file, or the file itself.'

/** The address of a model; of a path, the address that it has for the page. */
export async function locate(typed: string, _options: PullOptions = {}): Promise<string> {
  const reference = parseReference(typed, 'https://huggingface.co')
  if (reference.kind === 'address') return reference.url
  if (reference.kind === 'path' && URL.canParse(reference.path, document.baseURI)) {
    return new URL(reference.path, document.baseURI).href
  }
  throw new CheckpointError('not-found', `A page cannot find ${typed}.`, { file: typed, remedy: REMEDY })
}

export async function openRemote(_reference: string, _options?: PullOptions): Promise<RemoteModel | undefined> {
  return undefined
}

/** @throws DownloadError */
export async function pull(reference: string, _options?: PullOptions): Promise<string> {
  throw new DownloadError('download-failed', `A page cannot keep ${reference}.`, { file: reference, remedy: REMEDY })
}

export async function listDownloads(): Promise<DownloadedModel[]> {
  return []
}

/** @throws CheckpointError `not-found` */
export async function findDownloads(reference: string): Promise<readonly DownloadedModel[]> {
  throw new CheckpointError('not-found', `${reference} is not among the downloaded models.`, { file: reference })
}

/** @throws CheckpointError `not-found` */
export async function removeDownloads(reference: string): Promise<void> {
  await findDownloads(reference)
}
