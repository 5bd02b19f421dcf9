import { floatToHalf, halfToFloat } from '../half.ts'
import { type EncodeBlock, putU16 } from './blocks.ts'

/*
 * K-quants, laid out as in decode/k-quants.ts. Which scales to write is a choice; ours are those of a search for the
 * least squared error: first for every sub-block alone, then, once the factor that they are multiples of is settled,
 * among the multiples beside the one found.
 */

const { floor, round, abs, min, max } = Math

const SUPER_BLOCK = 256
/** Grids that are tried, as parts of a step more or less than the values' range. */
const STRETCHES = [-0.9, -0.7, -0.5, -0.3, -0.15, 0, 0.15, 0.3, 0.5, 0.7, 0.9]
const LARGEST_PACKED = 63

/** What a search has found. Reused, for there are millions of blocks. */
interface Fit {
  scale: number
  minimum: number
}

const FIT: Fit = { scale: 0, minimum: 0 }
const SCALES = new Float64Array(16)
const MINIMUMS = new Float64Array(8)
const PACKED_SCALES = new Int32Array(16)
const PACKED_MINIMUMS = new Int32Array(8)

/** y = d scale q - dmin minimum: 8 sub-blocks of 32, q of 4 bits. */
export const encodeQ4_K: EncodeBlock = (values, first, target, block) => {
  const { d, dmin } = fitSubBlocks(values, first, 15, target, block)
  for (let s = 0; s < 8; s += 2) {
    const [inverse, minimum] = [inverseOf(d * PACKED_SCALES[s]), dmin * PACKED_MINIMUMS[s]]
    const [nextInverse, nextMinimum] = [inverseOf(d * PACKED_SCALES[s + 1]), dmin * PACKED_MINIMUMS[s + 1]]
    for (let l = 0; l < 32; l++) {
      const low = quantum(values[first + 32 * s + l], inverse, minimum, 15)
      const high = quantum(values[first + 32 * s + 32 + l], nextInverse, nextMinimum, 15)
      target[block + 16 + 16 * s + l] = low | (high << 4)
    }
  }
}

/** As Q4_K with a fifth bit: bit s of byte l. */
export const encodeQ5_K: EncodeBlock = (values, first, target, block) => {
  const { d, dmin } = fitSubBlocks(values, first, 31, target, block)
  target.fill(0, block + 16, block + 48)
  for (let s = 0; s < 8; s += 2) {
    const [inverse, minimum] = [inverseOf(d * PACKED_SCALES[s]), dmin * PACKED_MINIMUMS[s]]
    const [nextInverse, nextMinimum] = [inverseOf(d * PACKED_SCALES[s + 1]), dmin * PACKED_MINIMUMS[s + 1]]
    for (let l = 0; l < 32; l++) {
      const low = quantum(values[first + 32 * s + l], inverse, minimum, 31)
      const high = quantum(values[first + 32 * s + 32 + l], nextInverse, nextMinimum, 31)
      target[block + 48 + 16 * s + l] = (low & 15) | ((high & 15) << 4)
      target[block + 16 + l] |= ((low >>> 4) << s) | ((high >>> 4) << (s + 1))
    }
  }
}

/** y = d scale (q - 32): 16 sub-blocks of 16 with signed 8-bit scales, q of 6 bits. */
export const encodeQ6_K: EncodeBlock = (values, first, target, block) => {
  let largest = 0
  for (let s = 0; s < 16; s++) {
    SCALES[s] = fitSigned(values, first + 16 * s)
    if (abs(SCALES[s]) > abs(largest)) largest = SCALES[s]
  }
  // -128 is the number of largest size that a scale can be.
  const half = floatToHalf(largest / -128)
  const d = halfToFloat(half)
  putU16(target, block + 208, half)
  for (let s = 0; s < 16; s++) {
    PACKED_SCALES[s] = bestSigned(values, first + 16 * s, SCALES[s], d)
    target[block + 192 + s] = PACKED_SCALES[s]
  }
  target.fill(0, block, block + 192)
  for (let i = 0; i < SUPER_BLOCK; i++) {
    const q = signedQuantum(values[first + i], inverseOf(d * PACKED_SCALES[i >>> 4])) + 32
    const quarter = (i >>> 5) & 3
    const place = i & 31
    target[block + 64 * (i >>> 7) + 32 * (quarter & 1) + place] |= (q & 15) << (4 * (quarter >>> 1))
    target[block + 128 + 32 * (i >>> 7) + place] |= (q >>> 4) << (2 * quarter)
  }
}

/** Finds scales and minimums of Q4_K or Q5_K, and writes them and their factors. `most` is the largest q. */
function fitSubBlocks(values: Float32Array, first: number, most: number, target: Uint8Array, block: number) {
  let scale = 0
  let minimum = 0
  for (let s = 0; s < 8; s++) {
    fitRange(values, first + 32 * s, most)
    SCALES[s] = FIT.scale
    MINIMUMS[s] = FIT.minimum
    scale = max(scale, FIT.scale)
    minimum = max(minimum, FIT.minimum)
  }
  const halves = [floatToHalf(scale / LARGEST_PACKED), floatToHalf(minimum / LARGEST_PACKED)]
  const [d, dmin] = halves.map(halfToFloat)
  putU16(target, block, halves[0])
  putU16(target, block + 2, halves[1])
  for (let s = 0; s < 8; s++) packSubBlock(values, first + 32 * s, s, d, dmin, most)
  for (let s = 0; s < 4; s++) {
    target[block + 4 + s] = PACKED_SCALES[s] | ((PACKED_SCALES[s + 4] >>> 4) << 6)
    target[block + 8 + s] = PACKED_MINIMUMS[s] | ((PACKED_MINIMUMS[s + 4] >>> 4) << 6)
    target[block + 12 + s] = (PACKED_SCALES[s + 4] & 15) | ((PACKED_MINIMUMS[s + 4] & 15) << 4)
  }
  return { d, dmin }
}

/** Scale and minimum (not negative) of the grid, of those that are tried, that lies nearest to 32 values: into FIT. */
function fitRange(values: Float32Array, first: number, most: number): void {
  let smallest = 0
  let largest = values[first]
  let sum = 0
  for (let i = first; i < first + 32; i++) {
    const x = values[i]
    sum += x
    if (x < smallest) smallest = x
    if (x > largest) largest = x
  }
  const range = largest - smallest
  FIT.scale = range / most
  FIT.minimum = -smallest
  if (range === 0) return
  let least = Number.POSITIVE_INFINITY
  for (const stretch of STRETCHES) {
    const inverse = (most + stretch) / range
    let q1 = 0
    let q2 = 0
    let qx = 0
    for (let i = first; i < first + 32; i++) {
      const x = values[i]
      const q = min(most, (inverse * (x - smallest) + 0.5) | 0)
      q1 += q
      q2 += q * q
      qx += q * x
    }
    const determinant = 32 * q2 - q1 * q1
    if (determinant <= 0) continue
    // The least squares of x = scale q - minimum.
    let scale = (32 * qx - q1 * sum) / determinant
    let minimum = (scale * q1 - sum) / 32
    if (minimum < 0) {
      minimum = 0
      scale = qx / q2
    }
    if (scale <= 0) continue
    // Without the sum of x², which is the same for all.
    const error =
      -2 * scale * qx + 2 * minimum * sum + scale * scale * q2 - 2 * scale * minimum * q1 + 32 * minimum * minimum
    if (error >= least) continue
    least = error
    FIT.scale = scale
    FIT.minimum = minimum
  }
}

/** The best multiples of d and dmin beside what the search found for sub-block `s`. */
function packSubBlock(values: Float32Array, first: number, s: number, d: number, dmin: number, most: number): void {
  const nearestScale = multiple(SCALES[s], d)
  const nearestMinimum = multiple(MINIMUMS[s], dmin)
  let least = Number.POSITIVE_INFINITY
  const attempt = (scale: number, minimum: number): void => {
    const error = rangeError(values, first, d * scale, dmin * minimum, most)
    if (error >= least) return
    least = error
    PACKED_SCALES[s] = scale
    PACKED_MINIMUMS[s] = minimum
  }
  for (let scale = max(0, nearestScale - 1); scale <= min(LARGEST_PACKED, nearestScale + 1); scale++) {
    // Where multiples of d are coarse, the scale is far from the one found, and so is the minimum that goes with it.
    const fitted = multiple(fittedMinimum(values, first, d * scale, MINIMUMS[s], most), dmin)
    attempt(scale, fitted)
    for (let minimum = max(0, nearestMinimum - 1); minimum <= min(LARGEST_PACKED, nearestMinimum + 1); minimum++) {
      if (minimum !== fitted) attempt(scale, minimum)
    }
  }
}

/** How often `unit` goes into `value`, in 6 bits. */
function multiple(value: number, unit: number): number {
  return unit === 0 ? 0 : max(0, min(LARGEST_PACKED, round(value / unit)))
}

/** The minimum of least squares for the integers that a scale and another minimum give. */
function fittedMinimum(values: Float32Array, first: number, scale: number, minimum: number, most: number): number {
  const inverse = inverseOf(scale)
  let sum = 0
  for (let i = first; i < first + 32; i++) sum += scale * quantum(values[i], inverse, minimum, most) - values[i]
  return sum / 32
}

function rangeError(values: Float32Array, first: number, scale: number, minimum: number, most: number): number {
  const inverse = inverseOf(scale)
  let error = 0
  for (let i = first; i < first + 32; i++) {
    const off = scale * quantum(values[i], inverse, minimum, most) - minimum - values[i]
    error += off * off
  }
  return error
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : 1 / scale
}

/** The integer from 0 to `most` whose place on the grid is nearest to x. */
function quantum(x: number, inverse: number, minimum: number, most: number): number {
  const place = (x + minimum) * inverse
  if (place <= 0) return 0
  return place >= most ? most : (place + 0.5) | 0
}

/** The scale of the grid scale * (-32 … 31), of those that are tried, that lies nearest to 16 values. */
function fitSigned(values: Float32Array, first: number): number {
  let largest = 0
  for (let i = first; i < first + 16; i++) if (abs(values[i]) > abs(largest)) largest = values[i]
  if (largest === 0) return 0
  let best = largest / -32
  let most = 0
  for (const stretch of STRETCHES) {
    const inverse = -(32 + stretch) / largest
    let q2 = 0
    let qx = 0
    for (let i = first; i < first + 16; i++) {
      const q = signedQuantum(values[i], inverse)
      q2 += q * q
      qx += q * values[i]
    }
    // With the scale of least squares, qx / q2, the squared error is less than the sum of x² by this.
    const gain = (qx * qx) / q2
    if (q2 === 0 || gain <= most) continue
    most = gain
    best = qx / q2
  }
  return best
}

/** The best multiple of d beside the scale that was found. */
function bestSigned(values: Float32Array, first: number, found: number, d: number): number {
  if (d === 0) return 0
  const nearest = max(-128, min(127, round(found / d)))
  let least = Number.POSITIVE_INFINITY
  let best = 0
  for (let scale = max(-128, nearest - 1); scale <= min(127, nearest + 1); scale++) {
    const inverse = inverseOf(d * scale)
    let error = 0
    for (let i = first; i < first + 16; i++) {
      const off = d * scale * signedQuantum(values[i], inverse) - values[i]
      error += off * off
    }
    if (error >= least) continue
    least = error
    best = scale
  }
  return best
}

function signedQuantum(x: number, inverse: number): number {
  const place = x * inverse
  if (place <= -32) return -32
  return place >= 31 ? 31 : floor(place + 0.5)
}
