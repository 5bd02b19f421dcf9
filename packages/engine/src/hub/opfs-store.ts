import { because, nameOf, noStorage, opfsFile, removeFromOpfs } from '../bytes/opfs.ts'
import { AbortError, DownloadError, LajuError, throwIfAborted } from '../errors.ts'

/*
 * How models lie in the storage that a browser keeps for a site. A file grows under its own name; that it is whole, an
 * empty file beside it says. So nothing needs to be renamed, which not every browser does.
 */

const WHOLE = '.whole'

export interface StoredStatus {
  readonly size: number
  readonly modified: Date
  readonly isWhole: boolean
}

/** Of a file that is stored, whole or in part; undefined where there is none. */
export async function statusOf(path: string): Promise<StoredStatus | undefined> {
  try {
    const { size, lastModified } = await (await opfsFile(path)).getFile()
    const isWhole = await opfsFile(path + WHOLE).then(
      () => true,
      () => false,
    )
    return { size, modified: new Date(lastModified), isWhole }
  } catch {
    return undefined
  }
}

/** Says that a file is whole: once its content is safe on the disk. */
export async function markWhole(path: string): Promise<void> {
  await opfsFile(path + WHOLE, { create: true })
}

/** Before anything else is done to a file that is written again. */
export async function unmarkWhole(path: string): Promise<void> {
  await removeFromOpfs(path + WHOLE)
}

/** Removes a file, whole or not; one that is in use stays as it is. @throws DownloadError `busy` */
export async function removeStored(path: string): Promise<void> {
  try {
    await removeFromOpfs(path)
    await unmarkWhole(path)
  } catch (cause) {
    throw removeError(path, cause)
  }
}

/**
 * Takes the lock of a path, which all tabs and workers of the site share; a tab that is closed gives up its locks.
 * @returns what gives it back
 * @throws AbortError
 */
export async function takeLock(path: string, signal?: AbortSignal): Promise<() => void> {
  throwIfAborted(signal)
  // Neither locks nor storage is there on pages that are not from https or from this machine.
  const { locks } = navigator as { locks?: LockManager }
  if (locks === undefined) throw noStorage(path)
  const taken = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  locks
    .request(`laju ${path}`, { signal }, () => {
      taken.resolve()
      return held.promise
    })
    .catch(taken.reject)
  try {
    await taken.promise
  } catch (cause) {
    throw signal?.aborted ? new AbortError(signal.reason) : await storageError(path, cause)
  }
  return held.resolve
}

export async function whileLocked<Result>(path: string, action: () => Promise<Result>): Promise<Result> {
  const release = await takeLock(path)
  try {
    return await action()
  } finally {
    release()
  }
}

/** What the browser says of the room that this site has, in bytes. */
export interface Room {
  readonly usage?: number
  readonly quota?: number
}

export async function roomOfSite(): Promise<Room> {
  const { storage } = navigator as { storage?: StorageManager }
  return (await storage?.estimate().catch(() => undefined)) ?? {}
}

/** Undefined where the browser does not say. */
export function freeOf({ usage, quota }: Room): number | undefined {
  return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage)
}

/** Turns an error of the browser's file system into one that says what cannot be written, and why. */
export async function storageError(path: string, cause: unknown, needed?: number): Promise<LajuError> {
  if (cause instanceof LajuError) return cause
  if (nameOf(cause) === 'QuotaExceededError') return noSpace(path, needed, await roomOfSite(), cause)
  return new DownloadError('download-failed', `${path} cannot be written${because(cause)}.`, {
    file: path,
    remedy: 'Try again; or load the model with `store: false`, which runs it from memory.',
    cause,
  })
}

/** @param needed bytes that are still to come; undefined where that is not known */
export function noSpace(path: string, needed: number | undefined, room: Room, cause?: unknown): DownloadError {
  const what = needed === undefined ? 'More is needed' : `The model needs ${mega(needed)} more`
  const free = freeOf(room)
  // Chromium claims 10 GiB whatever there is, so that pages cannot tell users by their disks.
  const isSaid = free !== undefined && needed !== undefined && free < needed
  const used = room.usage === undefined ? '' : `, which uses ${mega(room.usage)}`
  const limit = isSaid ? `has room for ${mega(free, Math.floor)} of this site` : `has no more room for this site${used}`
  return new DownloadError('disk-full', `${what}, but the browser ${limit}.`, {
    file: path,
    remedy:
      'Load it with `store: false`, which runs it from memory and keeps nothing; or take a smaller type of it, such as ' +
      'Q4_0; or remove stored models (`listDownloads`, `removeDownloads`). What has arrived is kept.',
    cause,
  })
}

function mega(bytes: number, round = Math.ceil): string {
  return `${round(bytes / 1e6).toLocaleString('en-US')} MB`
}

export function removeError(path: string, cause: unknown): LajuError {
  if (cause instanceof LajuError) return cause
  const isInUse = nameOf(cause) === 'NoModificationAllowedError'
  const problem = isInUse ? 'is in use' : `cannot be removed${because(cause)}`
  return new DownloadError(isInUse ? 'busy' : 'write-failed', `${path} ${problem}.`, {
    file: path,
    remedy: 'Wait until no tab loads or downloads it any more, and try again.',
    cause,
  })
}
