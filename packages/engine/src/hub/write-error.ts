import { DownloadError, type LajuError } from '../errors.ts'

/** Turns an error of Node's file system into one that says what cannot be written, and why. */
export function writeError(path: string, cause: unknown): LajuError {
  if (cause instanceof DownloadError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const what = code === 'ENOSPC' ? 'The disk is full' : 'Your share of the disk is used up'
    return new DownloadError('disk-full', `${what}: ${path} cannot be written.`, {
      file: path,
      remedy: 'Make room (see `laju list` and `laju remove`) and start again: the download goes on where it was.',
      cause,
    })
  }
  return new DownloadError('download-failed', `${path} cannot be written${code ? ` (${code})` : ''}.`, {
    file: path,
    remedy: 'Check that your user may write there, or set HF_HOME to another folder.',
    cause,
  })
}
