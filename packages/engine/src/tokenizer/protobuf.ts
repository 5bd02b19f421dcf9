/** A field of a protocol buffers message: its number, and a number (varint, float) or the bytes it holds. */
export interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

const VARINT = 0
const DOUBLE = 1
const BYTES = 2
const FLOAT = 5

/**
 * Reads the fields of a message in the wire format of protocol buffers, one after the other. Nothing is copied.
 * Integers are read up to 2^53; as in the format, negative ones come as what is left of 2^64.
 * @throws Error where the bytes are no message.
 */
export function* protobufFields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1, count = 0; count < 10; scale *= 128, count++) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('it ends within a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new Error('a number does not end')
  }
  const take = (length: number): number => {
    if (length > bytes.length - at) throw new Error('it ends within a field')
    at += length
    return at - length
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case VARINT:
        yield { number, value: varint() }
        break
      case DOUBLE:
        yield { number, value: view.getFloat64(take(8), true) }
        break
      case BYTES: {
        const length = varint()
        const start = take(length)
        yield { number, value: bytes.subarray(start, start + length) }
        break
      }
      case FLOAT:
        yield { number, value: view.getFloat32(take(4), true) }
        break
      default:
        throw new Error('a field is of a kind that does not exist')
    }
  }
}
