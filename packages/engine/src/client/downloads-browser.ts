import { CheckpointError, DownloadError } from '../errors.ts'
import type { DownloadedModel } from '../hub/downloaded.ts'
import type { RemoteModel } from '../hub/open-remote.ts'
import type { PullOptions } from '../hub/pull.ts'
import { parseReference } from '../hub/reference.ts'
import type { RemoteFiles } from '../hub/remote-folder.ts'

const PUBLIC_HUB = 'https://huggingface.co'
const REMEDY = 'Give the address of a GGUF file, or the file itself.'

/** A path in the storage of the site (`opfs:/…`); or an address, also one that is relative to the page's. */
export async function locate(typed: string, _options: PullOptions = {}): Promise<string | RemoteFiles> {
  const reference = parseReference(typed, PUBLIC_HUB)
  if (reference.kind === 'address') return onServer(reference.url)
  if (reference.kind === 'path') {
    if (/^opfs:/i.test(typed)) return typed
    const url = URL.parse(typed, document.baseURI)
    if (url && /^https?:$/.test(url.protocol)) return onServer(url.href)
  }
  throw new CheckpointError('not-found', `A page cannot find ${typed}.`, { file: typed, remedy: REMEDY })
}

function onServer(url: string): RemoteFiles {
  const path = new URL(url).pathname.split('/').at(-1) ?? ''
  return { name: url, files: [{ path, url }], open: path }
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
