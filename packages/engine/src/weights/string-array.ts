const ENCODER = new TextEncoder()
/** Lenient, because tokens may be pieces of characters; and a byte order mark is a token like any other. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * An immutable array of strings, kept as the bytes of the file and decoded on demand: a vocabulary holds hundreds of
 * thousands of strings, and most loads look at few of them as text.
 */
export class StringArray implements Iterable<string> {
  readonly length: number
  readonly #data: Uint8Array
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array

  /** String i is `data[starts[i] .. ends[i])`, in UTF-8. The arrays are kept, not copied. */
  constructor(data: Uint8Array, starts: Uint32Array, ends: Uint32Array) {
    this.length = starts.length
    this.#data = data
    this.#starts = starts
    this.#ends = ends
  }

  static from(strings: readonly string[]): StringArray {
    const encoded = strings.map((string) => ENCODER.encode(string))
    const starts = new Uint32Array(encoded.length)
    const ends = new Uint32Array(encoded.length)
    let size = 0
    encoded.forEach((bytes, i) => {
      starts[i] = size
      size += bytes.length
      ends[i] = size
    })
    const data = new Uint8Array(size)
    encoded.forEach((bytes, i) => {
      data.set(bytes, starts[i])
    })
    return new StringArray(data, starts, ends)
  }

  /** String i; bytes that are not UTF-8 become U+FFFD. @throws RangeError */
  at(index: number): string {
    return DECODER.decode(this.bytes(index))
  }

  /** The UTF-8 bytes of string i: a view, not to be written to. @throws RangeError */
  bytes(index: number): Uint8Array {
    const start = this.#starts[index]
    if (start === undefined) throw new RangeError(`There is no string ${index} of ${this.length}.`)
    return this.#data.subarray(start, this.#ends[index])
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }
}
