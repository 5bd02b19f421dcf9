import { crc32 } from '#bytes/crc32'
import { openFile } from '#bytes/file-source'
import { NewFile } from '#bytes/new-file'
import { PAGE_LENGTH } from '../backends/backend.ts'
import { BlobSource } from '../bytes/blob-source.ts'
import type { ByteSource } from '../bytes/byte-source.ts'
import { NewBlob } from '../bytes/new-blob.ts'
import { LajuError, throwIfAborted } from '../errors.ts'
import type { JsonObject } from '../weights/checkpoint.ts'
import { isJsonObject, parseJsonObject } from '../weights/json.ts'
import { quoted } from '../weights/quoted.ts'
import { type ConversationRecord, readRecord } from './conversation-record.ts'

/*
 * A conversation in a file. All numbers are little-endian, 32 bits:
 *
 *   8 bytes  "lajuchat"
 *   version  of this layout
 *   H        bytes of the header
 *   T        tokens whose keys and values are kept
 *   check    CRC-32 of the next 4 * T + H bytes
 *   tokens   [T]
 *   header   JSON: what was said, and what computed it (`Saved`)
 *   pages    ceil(T / 64) times: as many bytes as the header's origin says, then their CRC-32
 */

const MAGIC = 'lajuchat'
const VERSION = 1
const START_BYTES = 24
const LONGEST_HEADER = 2 ** 26

/** What keys and values came from: they mean nothing to anything else. */
export interface Origin {
  /** As a person knows it. */
  readonly model: string
  readonly fingerprint: string
  readonly pageLayout: string
  readonly pageBytes: number
  readonly adapters: readonly { readonly name: string; readonly fingerprint: string; readonly scale: number }[]
}

export interface Saved {
  readonly record: ConversationRecord
  readonly origin: Origin
  /** Those whose keys and values are kept. */
  readonly tokens: Int32Array
}

/** How a conversation is called that is in no file. */
const UNNAMED = 'the saved conversation'

/**
 * Writes a conversation: to a file, under a temporary name first, or without a path to a Blob.
 * @param readPage copies a page [origin.pageBytes] to its target, or says by `false` that it is gone: then nothing is written
 * @returns whether it was written, and the Blob
 * @throws LajuError `disk-full`, `write-failed`, `invalid-conversation`; AbortError
 */
export async function writeConversation(
  path: string | undefined,
  { record, origin, tokens }: Saved,
  readPage: (index: number, target: Uint8Array) => boolean,
  signal?: AbortSignal,
): Promise<{ readonly written: boolean; readonly blob?: Blob }> {
  const header = new TextEncoder().encode(JSON.stringify({ record, origin }))
  if (header.length > LONGEST_HEADER) throw broken(path ?? UNNAMED, 'it is too long to be saved')
  const body = new Uint8Array(4 * tokens.length + header.length)
  const view = new DataView(body.buffer)
  tokens.forEach((id, i) => {
    view.setInt32(4 * i, id, true)
  })
  body.set(header, 4 * tokens.length)
  const file = path === undefined ? new NewBlob() : await NewFile.begin(path)
  try {
    await file.append(startOf([VERSION, header.length, tokens.length, crc32(body)]), signal)
    await file.append(body, signal)
    const page = new Uint8Array(origin.pageBytes + 4)
    const bytes = page.subarray(0, origin.pageBytes)
    for (let index = 0; index < pagesOf(tokens.length); index++) {
      if (!readPage(index, bytes)) {
        await file.discard()
        return { written: false }
      }
      new DataView(page.buffer).setUint32(origin.pageBytes, crc32(bytes), true)
      await file.append(page, signal)
    }
    throwIfAborted(signal)
    const blob = await file.publish()
    return { written: true, ...(blob && { blob }) }
  } catch (error) {
    await file.discard()
    throw error
  }
}

/** An open file with a conversation, of which all but the pages has been read and checked. */
export class ConversationFile implements Saved {
  readonly record: ConversationRecord
  readonly origin: Origin
  readonly tokens: Int32Array
  readonly #source: ByteSource
  readonly #pagesStart: number

  private constructor(source: ByteSource, { record, origin, tokens }: Saved, pagesStart: number) {
    this.record = record
    this.origin = origin
    this.tokens = tokens
    this.#source = source
    this.#pagesStart = pagesStart
  }

  /**
   * @throws CheckpointError `not-found`, `not-a-file`, `read-failed`; LajuError `invalid-conversation`, `truncated`;
   *   AbortError
   */
  static async open(from: string | Blob, signal?: AbortSignal): Promise<ConversationFile> {
    const source = typeof from === 'string' ? await openFile(from) : new BlobSource({ name: UNNAMED, blob: from })
    try {
      const { saved, pagesStart } = await readStart(source, signal)
      return new ConversationFile(source, saved, pagesStart)
    } catch (error) {
      await source.close()
      throw error
    }
  }

  /** Page by page; the bytes are overwritten when the next is asked for. @throws LajuError `invalid-conversation` */
  async *pages(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { pageBytes } = this.origin
    const page = new Uint8Array(pageBytes + 4)
    const bytes = page.subarray(0, pageBytes)
    for (let index = 0; index < pagesOf(this.tokens.length); index++) {
      await this.#source.read(this.#pagesStart + index * page.length, page, signal)
      if (new DataView(page.buffer).getUint32(pageBytes, true) !== crc32(bytes)) {
        throw broken(this.#source.name, `the keys and values from token ${index * PAGE_LENGTH} on are damaged`)
      }
      yield bytes
    }
  }

  /** Of the file, for messages. */
  get name(): string {
    return this.#source.name
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

async function readStart(source: ByteSource, signal?: AbortSignal): Promise<{ saved: Saved; pagesStart: number }> {
  const { name, size } = source
  const start = new Uint8Array(Math.min(START_BYTES, size))
  await source.read(0, start, signal)
  const isOurs = new TextDecoder('latin1').decode(start.subarray(0, MAGIC.length)) === MAGIC
  if (!isOurs) throw broken(name, 'it was not written by laju', 'Name a file that a conversation was saved to.')
  if (start.length < START_BYTES) throw tooShort(name, size, START_BYTES)
  const view = new DataView(start.buffer)
  const [version, headerBytes, count, check] = [8, 12, 16, 20].map((offset) => view.getUint32(offset, true))
  if (version !== VERSION) throw broken(name, `it is of version ${version}`, 'Update laju, or save it anew.')
  if (headerBytes > LONGEST_HEADER) throw broken(name, `its header claims ${headerBytes} bytes`)
  const pagesStart = START_BYTES + 4 * count + headerBytes
  if (pagesStart > size) throw tooShort(name, size, pagesStart)
  const body = new Uint8Array(pagesStart - START_BYTES)
  await source.read(START_BYTES, body, signal)
  if (crc32(body) !== check) throw broken(name, 'its header is damaged')
  const numbers = new DataView(body.buffer)
  const tokens = Int32Array.from({ length: count }, (_, i) => numbers.getInt32(4 * i, true))
  const saved = { ...readHeader(name, body.subarray(4 * count)), tokens }
  const end = pagesStart + pagesOf(count) * (saved.origin.pageBytes + 4)
  if (size < end) throw tooShort(name, size, end)
  if (size > end) throw broken(name, `${size - end} bytes at its end belong to nothing`)
  return { saved, pagesStart }
}

function readHeader(name: string, bytes: Uint8Array): Omit<Saved, 'tokens'> {
  let header: JsonObject
  try {
    header = parseJsonObject(bytes, name, 'the header')
  } catch (cause) {
    throw broken(name, 'its header is not what it should be', undefined, cause)
  }
  const record = isJsonObject(header.record) ? readRecord(header.record) : 'it holds no conversation'
  if (typeof record === 'string') throw broken(name, record)
  const origin = isJsonObject(header.origin) ? readOrigin(header.origin) : undefined
  if (!origin) throw broken(name, 'it does not say which model computed it')
  return { record, origin }
}

function readOrigin({ model, fingerprint, pageLayout, pageBytes, adapters }: JsonObject): Origin | undefined {
  if (typeof model !== 'string' || typeof fingerprint !== 'string' || typeof pageLayout !== 'string') return undefined
  if (typeof pageBytes !== 'number' || !Number.isSafeInteger(pageBytes) || pageBytes < 0) return undefined
  if (!Array.isArray(adapters)) return undefined
  const read = adapters.flatMap((adapter) => {
    const { name, fingerprint, scale } = isJsonObject(adapter) ? adapter : {}
    const isOne = typeof name === 'string' && typeof fingerprint === 'string' && typeof scale === 'number'
    return isOne ? [{ name, fingerprint, scale }] : []
  })
  return read.length === adapters.length ? { model, fingerprint, pageLayout, pageBytes, adapters: read } : undefined
}

/** @throws LajuError `conversation-mismatch` where keys and values of one are not what the other would compute */
export function requireSameOrigin(path: string, saved: Origin, here: Origin): void {
  if (saved.fingerprint !== here.fingerprint) {
    throw mismatch(path, 'model', `was held with another model (${quoted(saved.model)}), or with other weights of it`)
  }
  if (saved.pageLayout !== here.pageLayout || saved.pageBytes !== here.pageBytes) {
    const layouts = `${quoted(saved.pageLayout)}, not as ${quoted(here.pageLayout)}`
    throw mismatch(path, 'cacheType', `keeps keys and values as ${layouts}`)
  }
  if (JSON.stringify(saved.adapters.map(adapterKey)) !== JSON.stringify(here.adapters.map(adapterKey))) {
    const names = ({ adapters }: Origin) =>
      adapters.map(({ name, scale }) => `${quoted(name)} at ${scale}`).join(' and ') || 'no adapter'
    throw mismatch(path, 'adapters', `was held with ${names(saved)}, and the model has ${names(here)}`)
  }
}

function adapterKey({ fingerprint, scale }: Origin['adapters'][number]): readonly [string, number] {
  return [fingerprint, scale]
}

/** What is left then are the messages. */
export function mismatch(file: string, field: string, problem: string): LajuError {
  return new LajuError('conversation-mismatch', `The conversation in ${file} ${problem}.`, {
    file,
    field,
    remedy: 'Restore its messages only (messagesOnly), which are then read anew.',
  })
}

function startOf(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
  const start = new Uint8Array(START_BYTES)
  const view = new DataView(start.buffer)
  start.set(new TextEncoder().encode(MAGIC))
  numbers.forEach((number, i) => {
    view.setUint32(MAGIC.length + 4 * i, number, true)
  })
  return start
}

function pagesOf(tokens: number): number {
  return Math.ceil(tokens / PAGE_LENGTH)
}

function broken(file: string, problem: string, remedy?: string, cause?: unknown): LajuError {
  return new LajuError('invalid-conversation', `${file} cannot be read as a saved conversation: ${problem}.`, {
    file,
    remedy: remedy ?? 'Use another copy of the file.',
    cause,
  })
}

function tooShort(file: string, size: number, needed: number): LajuError {
  const problem = `${file} has ${size} bytes, but the conversation that was saved to it has ${needed}`
  return new LajuError('truncated', `${problem}.`, { file, remedy: 'The file is incomplete: use another copy of it.' })
}
