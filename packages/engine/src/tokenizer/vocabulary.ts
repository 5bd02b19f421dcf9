import { TokenizerError } from '../errors.ts'
import { Int32List } from './int32-list.ts'

/**
 * No language model has more than half as many: an id beyond is a broken file, and must not decide how much memory is
 * taken. A token costs some 100 bytes by the time a tokenizer is ready.
 */
const LARGEST_ID = 1 << 19
/** Ids may have gaps (padding rows, added tokens), but not so many that the tables are mostly empty. */
const GAPS_ALLOWED = 1 << 16

/**
 * Writes what `source[start..end)`, the text of a token as a file has it, stands for into `target` from `at` on, which
 * has room for end - start bytes. Returns where that ends, or -1 where the text is not of this writing.
 */
export type DecodeToken = (source: Uint8Array, start: number, end: number, target: Uint8Array, at: number) => number

/** Not the same twice, or a file could be made whose tokens all fall into one place. */
const SEED = crypto.getRandomValues(new Int32Array(1))[0] ?? 0

/** FNV-1a, from a start of our own: short keys, a handful of instructions a byte. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5 ^ SEED
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193)
  return value ^ (value >>> 15)
}

/** The bytes of every token, by id, and the id of every mergeable token, by bytes; a few flat arrays in all. */
export class Vocabulary {
  /** One more than the largest id. */
  readonly size: number
  /** The length of the longest mergeable token, in bytes. */
  readonly longest: number
  readonly #data: Uint8Array
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  /** Open addressing with linear probing: id + 1, or 0 where free. A power of two long, at most 3/4 full. */
  readonly #slots: Int32Array

  /** @param mergeable for every id, whether `find` finds it; of several tokens with the same bytes, the last. */
  constructor(data: Uint8Array, starts: Int32Array, ends: Int32Array, mergeable: Uint8Array) {
    this.size = starts.length
    this.#data = data
    this.#starts = starts
    this.#ends = ends
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2((this.size * 4) / 3 + 2)))
    let longest = 0
    for (let id = 0; id < this.size; id++) {
      if (mergeable[id] !== 1) continue
      const start = starts[id] ?? 0
      const end = ends[id] ?? 0
      this.#slots[this.#slotOf(data, start, end)] = id + 1
      if (end - start > longest) longest = end - start
    }
    this.longest = longest
  }

  /** The id of the mergeable token that consists of `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return (this.#slots[this.#slotOf(bytes, start, end)] ?? 0) - 1
  }

  /** The bytes of a token: a view, not to be written to; empty for an unknown id. */
  bytes(id: number): Uint8Array {
    return this.#data.subarray(this.#starts[id] ?? 0, this.#ends[id] ?? 0)
  }

  /** Where the token is, or the free slot where it would be. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const id = (this.#slots[slot] ?? 0) - 1
      if (id < 0 || this.equals(id, bytes, start, end)) return slot
    }
  }

  /** Whether token `id` consists of `bytes[start..end)`. */
  equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id] ?? 0
    const length = end - start
    if ((this.#ends[id] ?? 0) - from !== length) return false
    for (let i = 0; i < length; i++) if (this.#data[from + i] !== bytes[start + i]) return false
    return true
  }
}

/** Printable ASCII is its own encoding in the byte alphabet. */
function standsForItself(text: Uint8Array): boolean {
  return text.length > 0 && text.every((byte) => byte >= 0x21 && byte <= 0x7e)
}

/** Collects tokens in any order of ids, then builds the vocabulary. */
export class VocabularyBuilder {
  readonly decode: DecodeToken
  readonly #file: string
  #data: Uint8Array
  #used = 0
  #size = 0
  /** Of entry i, the id if the token is mergeable, else its complement. */
  readonly #ids = new Int32List(1024)
  /** Where the bytes of entry i end; they begin where those of entry i - 1 end. */
  readonly #ends = new Int32List(1024)

  /**
   * @param bytes about how many bytes all tokens have.
   * @param decode how `addEncoded` reads its tokens: decodeByteAlphabet or decodeEscapedSpaces.
   */
  constructor(file: string, bytes: number, decode: DecodeToken) {
    this.#file = file
    this.decode = decode
    this.#data = new Uint8Array(Math.max(16, bytes))
  }

  /**
   * A token as vocabularies store it, as `source[start..end)`.
   * @throws TokenizerError when the id is out of range.
   */
  addEncoded(id: number, source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    const decoded = this.decode(source, start, end, this.#data, this.#used)
    // Not made of bytes, so never the result of a merge: it stands for its own text.
    if (decoded < 0) this.addText(id, source.subarray(start, end))
    else this.#append(id, decoded, decoded > this.#used)
  }

  /**
   * A token that stands for exactly this text, given in UTF-8, or these bytes. Takes the place of an earlier token of
   * the same id.
   * @param mergeable whether merges may make it; left out, whether the text is the same in the byte alphabet.
   * @throws TokenizerError when the id is out of range.
   */
  addText(id: number, text: Uint8Array, mergeable = standsForItself(text)): void {
    this.#reserve(text.length)
    this.#data.set(text, this.#used)
    this.#append(id, this.#used + text.length, mergeable)
  }

  /** @throws TokenizerError when the ids leave so many gaps that the file must be broken. */
  build(): Vocabulary {
    const entries = this.#ids.view()
    if (this.#size > 2 * entries.length + GAPS_ALLOWED) {
      const message = `${this.#file} has ${entries.length} tokens, but ids up to ${this.#size - 1}.`
      throw new TokenizerError('invalid-tokenizer', message, { file: this.#file })
    }
    const starts = new Int32Array(this.#size)
    const ends = new Int32Array(this.#size)
    const mergeable = new Uint8Array(this.#size)
    let start = 0
    this.#ends.view().forEach((end, i) => {
      const entry = entries[i] ?? 0
      const id = entry < 0 ? ~entry : entry
      starts[id] = start
      ends[id] = end
      mergeable[id] = entry < 0 ? 0 : 1
      start = end
    })
    return new Vocabulary(this.#data.slice(0, this.#used), starts, ends, mergeable)
  }

  #append(id: number, end: number, mergeable: boolean): void {
    if (!(Number.isInteger(id) && id >= 0 && id <= LARGEST_ID)) {
      const message = `${this.#file} has a token with the id ${id}.`
      throw new TokenizerError('invalid-tokenizer', message, { file: this.#file })
    }
    this.#ids.push(mergeable ? id : ~id)
    this.#ends.push(end)
    this.#used = end
    this.#size = Math.max(this.#size, id + 1)
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#data.length) return
    const larger = new Uint8Array(Math.max(2 * this.#data.length, this.#used + count))
    larger.set(this.#data)
    this.#data = larger
  }
}
