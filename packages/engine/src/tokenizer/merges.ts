import { TokenizerError } from '../errors.ts'
import { Int32List } from './int32-list.ts'
import type { DecodeToken, Vocabulary } from './vocabulary.ts'

/** Greater than the rank of any merge. */
export const NO_MERGE = 0x7fffffff

/** The merges of a byte pair encoding: which two neighbours become which token, and in what order of preference. */
export class Merges {
  readonly count: number
  readonly #lefts: Int32Array
  readonly #rights: Int32Array
  readonly #results: Int32Array
  /** Open addressing with linear probing: rank + 1, or 0 where free. A power of two long, at most 3/4 full. */
  readonly #slots: Int32Array
  readonly #mask: number

  /** Merge of rank i makes results[i] of lefts[i] and rights[i]. A pair that is listed twice has its later rank. */
  constructor(lefts: Int32Array, rights: Int32Array, results: Int32Array) {
    this.count = results.length
    this.#lefts = lefts
    this.#rights = rights
    this.#results = results
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2((this.count * 4) / 3 + 2)))
    this.#mask = this.#slots.length - 1
    for (let i = 0; i < this.count; i++) this.#slots[this.#slotOf(lefts[i] ?? 0, rights[i] ?? 0)] = i + 1
  }

  /** The rank of the merge of two neighbours, lower first; NO_MERGE if there is none. */
  rank(left: number, right: number): number {
    const entry = this.#slots[this.#slotOf(left, right)] ?? 0
    return entry === 0 ? NO_MERGE : entry - 1
  }

  /** The token that the merge of this rank makes. */
  result(rank: number): number {
    return this.#results[rank] ?? -1
  }

  #slotOf(left: number, right: number): number {
    const mixed = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b)
    for (let slot = (mixed ^ (mixed >>> 15)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const rank = (this.#slots[slot] ?? 0) - 1
      if (rank < 0 || (this.#lefts[rank] === left && this.#rights[rank] === right)) return slot
    }
  }
}

/** Collects merges, in order of rank, as the texts that files have. */
export class MergesBuilder {
  readonly #vocabulary: Vocabulary
  readonly #decode: DecodeToken
  readonly #file: string
  readonly #lefts = new Int32List(1024)
  readonly #rights = new Int32List(1024)
  readonly #results = new Int32List(1024)
  /** The bytes of the merge that is being added, and where those of its left half end. */
  #bytes = new Uint8Array(256)
  #middle = 0
  #left = -1
  #result = -1

  /** @param decode how the tokens of the file are written: as for its VocabularyBuilder. */
  constructor(vocabulary: Vocabulary, decode: DecodeToken, file: string) {
    this.#vocabulary = vocabulary
    this.#decode = decode
    this.#file = file
  }

  /** The left half of a merge, `source[start..end)`, as the file writes tokens. `addRight` completes it. */
  addLeft(source: Uint8Array, start: number, end: number): void {
    if (end - start > this.#bytes.length) this.#bytes = new Uint8Array(2 * (end - start))
    this.#middle = this.#decode(source, start, end, this.#bytes, 0)
    this.#left = this.#vocabulary.find(this.#bytes, 0, this.#middle)
    if (this.#left < 0) throw this.#unknown(source, start, end)
  }

  /**
   * The right half.
   * @throws TokenizerError, as `addLeft`, when the half or what the two make is not in the vocabulary (Hugging Face
   *   does the same; llama.cpp makes such a merge and then falls back to single bytes).
   */
  addRight(source: Uint8Array, start: number, end: number): void {
    this.#reserve(this.#middle + end - start)
    const length = this.#decode(source, start, end, this.#bytes, this.#middle)
    const right = this.#vocabulary.find(this.#bytes, this.#middle, length)
    if (right < 0) throw this.#unknown(source, start, end)
    this.#result = this.#find(length)
    if (this.#result < 0) throw this.#unknown(this.#bytes, 0, length)
    this.#lefts.push(this.#left)
    this.#rights.push(right)
    this.#results.push(this.#result)
  }

  /** "a b". @throws TokenizerError, as `addRight`. */
  addJoined(source: Uint8Array, start: number, end: number): void {
    let space = start + 1
    while (space < end && source[space] !== 0x20) space++
    this.addLeft(source, start, space)
    this.addRight(source, Math.min(space + 1, end), end)
  }

  build(): Merges {
    return new Merges(this.#lefts.toArray(), this.#rights.toArray(), this.#results.toArray())
  }

  /**
   * What the merge makes. Vocabularies have that in the order of the merges, so it mostly is the last result again or
   * the id after it, which is faster to check than to look up.
   */
  #find(length: number): number {
    const last = this.#result
    if (this.#vocabulary.equals(last + 1, this.#bytes, 0, length)) return last + 1
    if (this.#vocabulary.equals(last, this.#bytes, 0, length)) return last
    return this.#vocabulary.find(this.#bytes, 0, length)
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const larger = new Uint8Array(2 * size)
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  #unknown(source: Uint8Array, start: number, end: number): TokenizerError {
    const text = new TextDecoder().decode(source.subarray(start, end))
    const message = `Merge ${this.#results.length} of ${this.#file} is about "${text}", which is none of its tokens.`
    return new TokenizerError('invalid-tokenizer', message, { file: this.#file, field: 'merges' })
  }
}
