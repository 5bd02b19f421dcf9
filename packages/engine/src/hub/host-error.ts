import { DownloadError } from '../errors.ts'

/** A host that does something else than it should. */
export function hostError(url: URL, what: string, remedy = 'Try again later.'): DownloadError {
  return new DownloadError('download-failed', `${url.host} ${what}.`, { file: url.href, remedy })
}
