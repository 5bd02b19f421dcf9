import { TokenizerError } from '../errors.ts'
import { decodeByteAlphabet } from './byte-alphabet.ts'
import { Int32List } from './int32-list.ts'
import type { Vocabulary } from './vocabulary.ts'

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
  readonly #file: string
  readonly #lefts = new Int32List(1024)
  readonly #rights = new Int32List(1024)
  readonly #results = new Int32List(1024)
  #scratch = new Uint8Array(256)

  constructor(vocabulary: Vocabulary, file: string) {
    this.#vocabulary = vocabulary
    this.#file = file
  }

  /**
   * The merge of `left[leftStart..leftEnd)` and `right[rightStart..rightEnd)`, both UTF-8 text in the byte alphabet.
   * @throws TokenizerError when one of the two or what they make is not in the vocabulary (as Hugging Face does;
   *   llama.cpp makes such a merge and then falls back to single bytes).
   */
  add(
    left: Uint8Array,
    leftStart: number,
    leftEnd: number,
    right: Uint8Array,
    rightStart: number,
    rightEnd: number,
  ): void {
    const room = leftEnd - leftStart + rightEnd - rightStart
    if (room > this.#scratch.length) this.#scratch = new Uint8Array(2 * room)
    const bytes = this.#scratch
    const middle = decodeByteAlphabet(left, leftStart, leftEnd, bytes, 0)
    const end = middle < 0 ? -1 : decodeByteAlphabet(right, rightStart, rightEnd, bytes, middle)
    const a = end < 0 ? -1 : this.#vocabulary.find(bytes, 0, middle)
    const b = end < 0 ? -1 : this.#vocabulary.find(bytes, middle, end)
    const result = end < 0 ? -1 : this.#vocabulary.find(bytes, 0, end)
    if (a < 0 || b < 0 || result < 0) {
      throw this.#unknown(left.subarray(leftStart, leftEnd), right.subarray(rightStart, rightEnd))
    }
    this.#lefts.push(a)
    this.#rights.push(b)
    this.#results.push(result)
  }

  /** The merge of "a b". @throws TokenizerError also when the text is not two tokens with one space between. */
  addJoined(source: Uint8Array, start: number, end: number): void {
    let space = start + 1
    while (space < end && source[space] !== 0x20) space++
    this.add(source, start, space, source, Math.min(space + 1, end), end)
  }

  build(): Merges {
    return new Merges(this.#lefts.toArray(), this.#rights.toArray(), this.#results.toArray())
  }

  #unknown(left: Uint8Array, right: Uint8Array): TokenizerError {
    const decoder = new TextDecoder()
    const text = `"${decoder.decode(left)}" and "${decoder.decode(right)}"`
    const message = `Merge ${this.#results.length} of ${this.#file}, of ${text}, is not made of tokens it has, or makes none.`
    return new TokenizerError('invalid-tokenizer', message, { file: this.#file, field: 'merges' })
  }
}
