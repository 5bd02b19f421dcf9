/** How far a download is. */
export interface DownloadProgress {
  readonly stage: 'download'
  /** Bytes that are here. */
  readonly loaded: number
  /** Bytes of all files that had to be fetched. */
  readonly total: number
  /** The file that is being fetched, and which of how many it is. */
  readonly file: { readonly name: string; readonly number: number; readonly count: number }
}
