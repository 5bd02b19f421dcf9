/**
 * Ranged access to the bytes of one file, wherever it lives (disk, Blob, HTTP, OPFS).
 * Everything above reads checkpoints through this interface, so no format needs a whole file in memory.
 */
export interface ByteSource {
  /** Shown in messages: a path or URL. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /**
   * Fills `target` with the bytes from `offset` on.
   * @throws CheckpointError `truncated` when the range does not lie inside the file or the file got shorter,
   *   `read-failed` when the device fails; AbortError when `signal` is aborted.
   */
  read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}
