import { openLocation } from '#hub/location'
import { BlobFolder, type NamedBlob } from '../bytes/blob-source.ts'
import type { Folder } from '../bytes/folder.ts'
import { type RemoteFiles, remoteFolder } from './remote-folder.ts'

/**
 * A model or adapter, as callers have it: its path, name or address; or the file itself, or the files of one folder, as a
 * page gets them from `<input type="file">` or from what is dropped on it.
 */
export type ModelSource = string | URL | Blob | Iterable<File>

/** Where a model or adapter is: a path, its files themselves, or where a server has them. Crosses threads. */
export type ModelLocation = string | readonly NamedBlob[] | RemoteFiles

/** A folder; or one file of a folder, by its name. */
export interface OpenedLocation {
  readonly folder: Folder
  readonly file: string | undefined
}

/** @throws CheckpointError `not-found`, `read-failed`; what is on a server is not asked for yet */
export async function openModelLocation(location: ModelLocation): Promise<OpenedLocation> {
  if (typeof location === 'string') return openLocation(location)
  if ('open' in location) return { folder: remoteFolder(location), file: location.open || undefined }
  const [first] = location
  const isAlone = location.length === 1
  return { folder: new BlobFolder('the files', location), file: isAlone ? first.name : undefined }
}
