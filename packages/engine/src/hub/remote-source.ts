import { WORDS } from '#hub/environment'
import type { ByteSource } from '../bytes/byte-source.ts'
import { checkRange } from '../bytes/range.ts'
import { DownloadError } from '../errors.ts'
import { type AskedFile, contentLength, contentRange, fileError, strongEtag } from './answers.ts'
import { persist, Setback } from './persist.ts'
import { type Answer, send } from './request.ts'

/** How a file is read. */
export interface RemoteReads {
  /** Short reads fetch so many bytes, since the next ones are mostly for what follows. */
  readonly ahead: number
  /** Bytes that may be fetched in all. */
  readonly most: number
}

/** The longest header there may be, several times over: whoever wants more wants the file. */
export const HEADERS: RemoteReads = { ahead: 2 ** 16, most: 2 ** 29 }

/**
 * A file on a server, of which only the parts that are read are fetched (RFC 9110, 14): to look at a header of some
 * megabytes without the gigabytes behind it. Nothing is kept, and there is no checksum of a part. All parts must be of
 * the same state of the file.
 */
export class RemoteSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #file: AskedFile
  readonly #reads: RemoteReads
  #etag: string | undefined
  #ahead: { readonly offset: number; readonly bytes: Uint8Array }
  #fetched = 0

  private constructor(file: AskedFile, size: number, reads: RemoteReads, etag?: string, start = new Uint8Array(0)) {
    this.name = file.name
    this.size = size
    this.#file = file
    this.#reads = reads
    this.#etag = etag
    this.#ahead = { offset: 0, bytes: start }
  }

  /** A file whose size is known. */
  static of(file: AskedFile, size: number, reads: RemoteReads): RemoteSource {
    return new RemoteSource(file, size, reads)
  }

  /**
   * A file of which the server must say how long it is.
   * @throws DownloadError as `read` does
   */
  static async open(file: AskedFile, reads = HEADERS, signal?: AbortSignal): Promise<RemoteSource> {
    const start = new Uint8Array(HEADERS.ahead)
    const { size, etag } = await persist(async () => {
      const answer = await ask(file, 0, start.length, signal)
      const { total = await lengthOf(answer, file, signal) } = await partOf(answer, file, 0)
      if (total === undefined) throw await refused(answer, noRanges(file))
      await fill(answer, file, start.subarray(0, Math.min(total, start.length)))
      return { size: total, etag: strongEtag(answer.headers) }
    }, signal)
    return new RemoteSource(file, size, reads, etag, start.subarray(0, Math.min(size, start.length)))
  }

  /**
   * @throws CheckpointError `truncated`; DownloadError `no-ranges` where the server gives whole files only,
   *   `download-failed`, `access-denied`, `not-found`, `corrupt-download`; AbortError
   */
  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(this, offset, target.length)
    if (target.length === 0 || this.#isAhead(offset, target)) return
    const { ahead } = this.#reads
    if (target.length >= ahead) return this.#fetch(offset, target, signal)
    const bytes = new Uint8Array(Math.min(ahead, this.size - offset))
    await this.#fetch(offset, bytes, signal)
    this.#ahead = { offset, bytes }
    target.set(bytes.subarray(0, target.length))
  }

  async close(): Promise<void> {}

  #isAhead(offset: number, target: Uint8Array): boolean {
    const from = offset - this.#ahead.offset
    if (from < 0 || from + target.length > this.#ahead.bytes.length) return false
    target.set(this.#ahead.bytes.subarray(from, from + target.length))
    return true
  }

  #fetch(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#fetched += target.length
    const { most } = this.#reads
    if (this.#fetched > most) throw failed(this.#file, `has a header of over ${most} bytes`)
    // A server that gives no parts still gives a short file.
    const isWhole = target.length === this.size
    return persist(async () => {
      const answer = isWhole
        ? await send({ url: this.#file.url, token: this.#file.token, signal })
        : await ask(this.#file, offset, target.length, signal)
      const isAnswered = isWhole && answer.status === 200
      const { total } = isAnswered ? { total: contentLength(answer.headers) } : await partOf(answer, this.#file, offset)
      const etag = strongEtag(answer.headers)
      const isSame = (total ?? this.size) === this.size && (this.#etag ?? etag) === etag
      if (!isSame) throw await refused(answer, failed(this.#file, 'changed on the server while it was looked at'))
      this.#etag = etag
      await fill(answer, this.#file, target)
    }, signal)
  }
}

function ask({ url, token }: AskedFile, offset: number, length: number, signal?: AbortSignal): Promise<Answer> {
  return send({ url, token, signal, headers: { range: `bytes=${offset}-${offset + length - 1}` } })
}

/** Checks that an answer is the part that was asked for. */
async function partOf(answer: Answer, file: AskedFile, offset: number): Promise<{ total: number | undefined }> {
  if (answer.status === 200) throw await refused(answer, noRanges(file))
  if (answer.status !== 206) throw await refused(answer, fileError(answer, file))
  // Where the browser hides which part it is, the length of what follows must do.
  const isHidden = answer.hidesHeaders && !answer.headers.has('content-range')
  const range = isHidden ? { start: offset, total: undefined } : contentRange(answer.headers)
  const isPlain = /^(identity)?$/.test(answer.headers.get('content-encoding') ?? '')
  if (range?.start === offset && isPlain) return range
  throw await refused(answer, failed(file, 'comes in other parts than were asked for'))
}

/** How long a file is, where the answer that gives a part of it does not show that. */
async function lengthOf(answer: Answer, file: AskedFile, signal?: AbortSignal): Promise<number | undefined> {
  if (!answer.hidesHeaders) return undefined
  const head = await send({ url: file.url, token: file.token, method: 'HEAD', signal })
  await head.discard()
  return head.status === 200 ? contentLength(head.headers) : undefined
}

async function fill(answer: Answer, file: AskedFile, target: Uint8Array): Promise<void> {
  let done = 0
  for await (const bytes of answer.body()) {
    if (done + bytes.length > target.length) throw failed(file, 'comes in longer parts than were asked for')
    target.set(bytes, done)
    done += bytes.length
  }
  if (done < target.length) throw new Setback(failed(file, `ended after ${done} of ${target.length} bytes of a part`))
}

async function refused(answer: Answer, error: DownloadError | Setback): Promise<DownloadError | Setback> {
  await answer.discard()
  return error
}

function noRanges({ name, url }: AskedFile): DownloadError {
  const problem = `${new URL(url).host} gives files as a whole only, so ${name} cannot be looked at from afar.`
  return new DownloadError('no-ranges', problem, {
    file: url,
    remedy: WORDS.pullFirst,
  })
}

function failed({ name, url }: AskedFile, what: string): DownloadError {
  return new DownloadError('download-failed', `${name} ${what}.`, {
    file: url,
    remedy: `Try again later, or ${WORDS.pull}.`,
  })
}
