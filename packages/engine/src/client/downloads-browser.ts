import type { DownloadedModel } from '../hub/downloaded.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import type { RemoteModel } from '../hub/open-remote.ts'
import type { PullOptions } from '../hub/pull.ts'
import { SHORT_NAMES } from '../hub/short-names.ts'
import { inWorker } from './in-worker.ts'

/*
 * Models that come from elsewhere are kept in the storage of the page's site. Only a worker can write there in place, so
 * a worker does all of it.
 */

/** As in Node; the path is one of that storage (`opfs:/…`). What the page knows by a relative address is an address. */
export async function locate(reference: string, options: PullOptions = {}): Promise<string> {
  return kept(await fetchModel('locate', addressFor(reference), options))
}

/** As in Node. */
export async function locateUnstored(reference: string, { signal, ...hub }: PullOptions = {}): Promise<ModelLocation> {
  const request = { reference: addressFor(reference), hub: hubOptions(hub) }
  return inWorker((thread) => thread.call('locateUnstored', request, { signal }))
}

/** A page looks at a model in the worker, where it is opened: see inspect-browser.ts. */
export async function openRemote(_reference: string, _options?: PullOptions): Promise<RemoteModel | undefined> {
  return undefined
}

/** As in Node; the path is one of the storage of the site (`opfs:/…`). @throws as in Node */
export async function pull(reference: string, options: PullOptions = {}): Promise<string> {
  return kept(await fetchModel('pull', addressFor(reference), options))
}

/** The models that the site has stored. */
export async function listDownloads(): Promise<DownloadedModel[]> {
  return inWorker((thread) => thread.call('listDownloads', undefined))
}

/** As in Node. @throws OptionError; CheckpointError `not-found` */
export async function findDownloads(reference: string): Promise<readonly DownloadedModel[]> {
  return inWorker((thread) => thread.call('findDownloads', { reference: addressFor(reference) }))
}

/** As in Node. @throws as `findDownloads`; DownloadError `busy` while a tab loads or downloads it */
export async function removeDownloads(reference: string): Promise<void> {
  await inWorker((thread) => thread.call('removeDownloads', { reference: addressFor(reference) }))
}

function fetchModel(call: 'locate' | 'pull', reference: string, options: PullOptions): Promise<string> {
  const { signal, onProgress, ...hub } = options
  const request = { reference, hub: hubOptions(hub) }
  return inWorker((thread) => thread.call(call, request, { signal, onEvent: onProgress, tidiesUp: true }))
}

/** Without what cannot be sent to a worker. */
function hubOptions({ token, endpoint }: PullOptions): PullOptions {
  return { token, endpoint }
}

/** Asks the browser not to throw away what is stored when the disk gets full; it may ask the user, and need not answer. */
async function kept(path: string): Promise<string> {
  const { storage } = navigator
  const isAsked = await storage.persisted().catch(() => true)
  if (!isAsked) void storage.persist().catch(() => false)
  return path
}

/** A path is the address that it has for the page, but for one of the storage. */
function addressFor(reference: string): string {
  const isName = /^(hf|https?|opfs):/i.test(reference) || SHORT_NAMES.has(reference.toLowerCase())
  if (isName || reference === '' || !URL.canParse(reference, document.baseURI)) return reference
  return new URL(reference, document.baseURI).href
}
