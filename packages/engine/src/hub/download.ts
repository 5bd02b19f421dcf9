import { type Checksum, newChecksum } from '#hub/checksum'
import { FROM_THE_BEGINNING } from '#hub/follow'
import { PartFile } from '#hub/part-file'
import { DownloadError } from '../errors.ts'
import { type AskedFile, contentLength, fileError, partOf, strongEtag } from './answers.ts'
import { persist, Setback } from './persist.ts'
import { type Answer, send } from './request.ts'

/** A file to fetch, and what is known of it. */
export interface RemoteFile extends AskedFile {
  /** Bytes; when unknown, the server must say it. */
  readonly size?: number
  /** Hexadecimal; 64 digits are the SHA-256 of the content, 40 the SHA-1 that git gives it. */
  readonly checksum?: string
  /** Without a checksum: the ETag that the part which is there was begun with. */
  readonly etag?: string
}

export interface DownloadOptions {
  readonly signal?: AbortSignal
  /** Called with the bytes that are there. */
  readonly onBytes?: (bytes: number) => void
  /** Called when the server says how long an unmeasured file is, and with which ETag it is begun. */
  readonly onBegin?: (size: number, etag: string | undefined) => Promise<void>
}

/**
 * Fetches a file to the path `final`, where it appears when it is whole and right, and never before. Goes on where an
 * earlier download ended, also one of another process.
 * @throws DownloadError `download-failed`, `corrupt-download`, `access-denied`, `not-found`, `disk-full`; AbortError
 */
export async function download(file: RemoteFile, final: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, onBytes = () => {} } = options
  const part = await PartFile.take(final, file.size, onBytes, signal)
  if (!part) return
  try {
    const transfer = new Transfer(file, part, options)
    await transfer.run()
    await part.publish()
  } finally {
    await part.release()
  }
}

class Transfer {
  readonly #file: RemoteFile
  readonly #part: PartFile
  readonly #options: DownloadOptions
  #size: number | undefined
  #hash: Checksum | undefined
  /** What marks the state of the file on the server, so that parts of two states are never joined. */
  #etag: string | undefined
  #hasOldBytes = false
  /** The most bytes that there ever were: to fetch again what was lost is no gain, or it could go on for ever. */
  #furthest = 0

  constructor(file: RemoteFile, part: PartFile, options: DownloadOptions) {
    this.#file = file
    this.#part = part
    this.#options = options
    this.#size = file.size
    this.#etag = file.etag
  }

  async run(): Promise<void> {
    await this.#takeUp()
    await this.#fetchAll()
    if (await this.#isRight()) return
    // The fault may lie in what was there before; then nothing is lost but time.
    if (this.#hasOldBytes) {
      await this.#startOver()
      this.#furthest = 0
      await this.#fetchAll()
      if (await this.#isRight()) return
    }
    await this.#part.discard()
    throw this.#corrupt(`arrived with a wrong checksum: it should be ${this.#file.checksum}`)
  }

  /** Goes on with the checksum of what is there, if it can be told that it belongs to this file. */
  async #takeUp(): Promise<void> {
    const { checksum, etag } = this.#file
    this.#hash = await this.#newHash()
    const { length } = this.#part
    if ((checksum === undefined && etag === undefined) || length > (this.#size ?? length)) await this.#startOver()
    for await (const bytes of this.#part.bytes(this.#options.signal)) this.#hash?.update(bytes)
    this.#hasOldBytes = this.#part.length > 0
    this.#options.onBytes?.(this.#part.length)
  }

  async #startOver(): Promise<void> {
    await this.#part.reset()
    this.#hash = await this.#newHash()
    this.#etag = undefined
    this.#hasOldBytes = false
  }

  /** Git's name for a file is the SHA-1 of its content after a line with its length. */
  async #newHash(): Promise<Checksum | undefined> {
    const { checksum, size } = this.#file
    if (checksum === undefined) return undefined
    if (checksum.length === 64) return newChecksum('sha256')
    const hash = await newChecksum('sha1')
    hash.update(new TextEncoder().encode(`blob ${size}\0`))
    return hash
  }

  async #isRight(): Promise<boolean> {
    return this.#hash === undefined || (await this.#hash.digest()) === this.#file.checksum
  }

  #fetchAll(): Promise<void> {
    return persist(async (gained) => {
      await this.#part.keep()
      if (this.#part.length !== this.#size) await this.#fetchRest(gained)
    }, this.#options.signal)
  }

  async #fetchRest(gained: () => void): Promise<void> {
    const { url, token, name, checksum } = this.#file
    // Nothing would tell whether what comes belongs to what is there.
    if (checksum === undefined && this.#etag === undefined) await this.#startOver()
    const from = this.#part.length
    const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : { ...FROM_THE_BEGINNING }
    if (from > 0 && this.#etag !== undefined) range['if-range'] = this.#etag
    const answer = await send({ url, token, headers: range, signal: this.#options.signal })
    try {
      await this.#begin(answer, from)
    } catch (error) {
      await answer.discard()
      throw error
    }
    for await (const bytes of answer.body()) {
      if (this.#part.length + bytes.length > (this.#size ?? 0)) {
        await this.#part.discard()
        throw this.#corrupt(`is longer than the ${this.#size} bytes that it should have`)
      }
      await this.#part.append(bytes)
      this.#hash?.update(bytes)
      if (this.#part.length > this.#furthest) gained()
      this.#furthest = Math.max(this.#furthest, this.#part.length)
      this.#options.onBytes?.(this.#part.length)
    }
    if (this.#part.length === this.#size) return
    const problem = `${name} ended after ${this.#part.length} of ${this.#size} bytes.`
    throw new Setback(
      new DownloadError('download-failed', problem, { file: url, remedy: 'Start again: it goes on where it was.' }),
    )
  }

  /** Checks that the answer goes on with what is there; or begins again. */
  async #begin(answer: Answer, from: number): Promise<void> {
    const { status, headers } = answer
    if (status === 416 && from > 0) {
      await this.#startOver()
      throw new Setback(this.#corrupt(`cannot be continued at byte ${from} (416): it is shorter now`))
    }
    if (status !== 200 && status !== 206) throw fileError(answer, this.#file)
    this.#checkIdentity(answer)
    const etag = strongEtag(headers)
    const range = status === 206 ? partOf(answer, from) : { start: 0, total: contentLength(headers) }
    const isSame = from === 0 || (this.#etag ?? etag) === etag
    const isContinued = status === 206 && range?.start === from && isSame && range.total === (this.#size ?? range.total)
    if (!isContinued) await this.#startOver()
    if (!isContinued && status === 206 && (from > 0 || range?.start !== 0)) throw new Setback(this.#changed())
    this.#etag = etag
    await this.#checkLength(range?.total)
  }

  /** The Hub says which content it sends. */
  #checkIdentity({ hubHeaders }: Answer): void {
    const linked = hubHeaders.get('x-linked-etag')?.replace(/^W\/|"/g, '')
    if (linked && this.#file.checksum !== undefined && linked !== this.#file.checksum) throw this.#changed()
  }

  async #checkLength(stated: number | undefined): Promise<void> {
    if (this.#file.size !== undefined) {
      if (stated === undefined || stated === this.#file.size) return
      throw new Setback(this.#corrupt(`should have ${this.#file.size} bytes, but the server sends ${stated}`))
    }
    if (stated === undefined) {
      throw this.#corrupt('comes without its length, so that it could not be told whether it is whole')
    }
    this.#size = stated
    await this.#options.onBegin?.(stated, this.#etag)
  }

  #changed(): DownloadError {
    return new DownloadError('download-failed', `${this.#file.name} changed on the server while it was downloaded.`, {
      file: this.#file.url,
      remedy: 'Start again: it begins anew with the file as it is now.',
    })
  }

  #corrupt(what: string): DownloadError {
    return new DownloadError('corrupt-download', `${this.#file.name} ${what}.`, {
      file: this.#file.url,
      remedy: 'Try again later or over another network; if it stays so, the file on the server is damaged.',
    })
  }
}
