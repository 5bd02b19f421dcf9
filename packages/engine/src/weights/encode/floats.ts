import { floatToHalf } from '../half.ts'
import { type Encode, putU16 } from './blocks.ts'

export const encodeF32: Encode = (values, target, offset) => {
  target.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset)
}

/** Rounded to the nearest half, ties to even; beyond the largest half, infinity. */
export const encodeF16: Encode = (values, target, offset) => {
  for (let i = 0; i < values.length; i++) putU16(target, offset + 2 * i, floatToHalf(values[i]))
}

/** The upper half of a float32, rounded to nearest, ties to even. */
export const encodeBF16: Encode = (values, target, offset) => {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const odd = (bits[i] >>> 16) & 1
    putU16(target, offset + 2 * i, (bits[i] + 0x7fff + odd) >>> 16)
  }
}
