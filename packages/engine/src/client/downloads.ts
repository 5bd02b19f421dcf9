import type { DownloadedModel } from '../hub/downloaded.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import type { RemoteModel } from '../hub/open-remote.ts'
import type { PullOptions } from '../hub/pull.ts'

/*
 * Models that come from elsewhere. What fetches and keeps them is imported on use: most programs have no need of it.
 */

/** The path of a model, by any name: downloaded first if it is not here. */
export async function locate(reference: string, options: PullOptions = {}): Promise<string> {
  return (await import('../hub/pull.ts')).locate(reference, options)
}

/** As `locate`, but what is not here stays where it is published, and is read there. */
export async function locateUnstored(reference: string, options: PullOptions = {}): Promise<ModelLocation> {
  return (await import('../hub/pull.ts')).locateUnstored(reference, options)
}

/** A model that is not here, opened by its headers alone; undefined for one that `locate` finds on this machine. */
export async function openRemote(reference: string, options: PullOptions = {}): Promise<RemoteModel | undefined> {
  return (await import('../hub/open-remote.ts')).openRemote(reference, options)
}

/**
 * Downloads a model as it is published now, as far as it is not here, and answers its path.
 * @param reference `hf:owner/repository[@revision][:quantisation or file]`, the address of a file, or a short name
 * @throws DownloadError `access-denied`, `not-found`, `download-failed`, `corrupt-download`, `disk-full`, `offline`;
 *   CheckpointError `not-found` when the repository has no such model; OptionError; AbortError
 */
export async function pull(reference: string, options: PullOptions = {}): Promise<string> {
  return (await import('../hub/pull.ts')).pull(reference, options)
}

/** The models that have been downloaded: in Node also by other programs that use the cache of Hugging Face. */
export async function listDownloads(): Promise<DownloadedModel[]> {
  return (await import('../hub/downloaded.ts')).listDownloads()
}

/**
 * What `removeDownloads` of the same name would delete.
 * @throws OptionError; CheckpointError `not-found`
 */
export async function findDownloads(reference: string): Promise<readonly DownloadedModel[]> {
  return (await import('../hub/downloaded.ts')).findDownloads(reference)
}

/**
 * Deletes a downloaded model: with a quantisation or file, that one; without, all of the repository.
 * @throws as `findDownloads`
 */
export async function removeDownloads(reference: string): Promise<void> {
  return (await import('../hub/downloaded.ts')).removeDownloads(reference)
}
