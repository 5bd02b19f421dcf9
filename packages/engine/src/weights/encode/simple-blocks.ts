import { floatToHalf } from '../half.ts'
import { type EncodeBlock, putU16 } from './blocks.ts'

/*
 * Blocks of 32, as in decode/simple-blocks.ts, bit for bit as ggml's reference quantisers write them: arithmetic in
 * float32, the scale rounded to a half only after the integers were found with its exact value.
 *
 * A scale so small that its inverse is infinite makes every integer 0: an infinite or undefined product becomes 0
 * where it is cut to an integer, as on the processors that ggml's files are made on.
 */

const { fround, abs, min } = Math

/** d = max |x| / 127, q = x / d rounded half away from zero. */
export const encodeQ8_0: EncodeBlock = (values, first, target, block) => {
  let largest = 0
  for (let i = 0; i < 32; i++) largest = Math.max(largest, abs(values[first + i]))
  const d = fround(largest / 127)
  const inverse = inverseOf(d)
  putU16(target, block, floatToHalf(d))
  for (let i = 0; i < 32; i++) target[block + 2 + i] = roundedAway(fround(values[first + i] * inverse))
}

/** d = m / -8 for the x of largest size, m: q = x / d + 8 rounded, at most 15. */
export const encodeQ4_0: EncodeBlock = (values, first, target, block) => {
  const d = fround(largestOf(values, first) / -8)
  const inverse = inverseOf(d)
  putU16(target, block, floatToHalf(d))
  for (let j = 0; j < 16; j++) {
    const low = min(15, truncated(fround(fround(values[first + j] * inverse) + 8.5)))
    const high = min(15, truncated(fround(fround(values[first + j + 16] * inverse) + 8.5)))
    target[block + 2 + j] = low | (high << 4)
  }
}

/** m = min x, d = (max x - m) / 15: q = (x - m) / d rounded, at most 15. */
export const encodeQ4_1: EncodeBlock = (values, first, target, block) => {
  const { smallest, range } = rangeOf(values, first)
  const d = fround(range / 15)
  const inverse = inverseOf(d)
  putU16(target, block, floatToHalf(d))
  putU16(target, block + 2, floatToHalf(smallest))
  for (let j = 0; j < 16; j++) {
    const low = min(15, truncated(fround(fround(fround(values[first + j] - smallest) * inverse) + 0.5)))
    const high = min(15, truncated(fround(fround(fround(values[first + j + 16] - smallest) * inverse) + 0.5)))
    target[block + 4 + j] = low | (high << 4)
  }
}

/** As Q4_0 with m / -16; fifth bits together in a 32-bit word. */
export const encodeQ5_0: EncodeBlock = (values, first, target, block) => {
  const d = fround(largestOf(values, first) / -16)
  const inverse = inverseOf(d)
  putU16(target, block, floatToHalf(d))
  putFiveBits(target, block + 2, (i) => min(31, truncated(fround(fround(values[first + i] * inverse) + 16.5))))
}

/** As Q4_1 with (max x - m) / 31; fifth bits as in Q5_0. */
export const encodeQ5_1: EncodeBlock = (values, first, target, block) => {
  const { smallest, range } = rangeOf(values, first)
  const d = fround(range / 31)
  const inverse = inverseOf(d)
  putU16(target, block, floatToHalf(d))
  putU16(target, block + 2, floatToHalf(smallest))
  putFiveBits(target, block + 4, (i) => {
    return truncated(fround(fround(fround(values[first + i] - smallest) * inverse) + 0.5))
  })
}

function inverseOf(d: number): number {
  return d === 0 ? 0 : fround(1 / d)
}

/** Cut to an integer of 8 bits; infinity and NaN are 0. */
function truncated(value: number): number {
  return (value << 24) >> 24
}

/** Half away from zero. A float32 and a half have an exact sum in float64, so that nothing is rounded twice. */
function roundedAway(value: number): number {
  return (value < 0 ? value - 0.5 : value + 0.5) | 0
}

/** The value of largest size, with its sign; the first of several. */
function largestOf(values: Float32Array, first: number): number {
  let size = 0
  let largest = 0
  for (let i = first; i < first + 32; i++) {
    if (abs(values[i]) <= size) continue
    largest = values[i]
    size = abs(largest)
  }
  return largest
}

function rangeOf(values: Float32Array, first: number): { smallest: number; range: number } {
  let smallest = values[first]
  let largest = smallest
  for (let i = first + 1; i < first + 32; i++) {
    if (values[i] < smallest) smallest = values[i]
    if (values[i] > largest) largest = values[i]
  }
  return { smallest, range: fround(largest - smallest) }
}

function putFiveBits(target: Uint8Array, at: number, q: (i: number) => number): void {
  let fifth = 0
  for (let j = 0; j < 16; j++) {
    const low = q(j)
    const high = q(j + 16)
    target[at + 4 + j] = (low & 15) | ((high & 15) << 4)
    fifth |= (((low >>> 4) & 1) << j) | (((high >>> 4) & 1) << (j + 16))
  }
  putU16(target, at, fifth & 0xffff)
  putU16(target, at + 2, fifth >>> 16)
}
