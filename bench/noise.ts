import { ELEMENT_LAYOUTS, type ElementType } from '../packages/engine/src/weights/element-type.ts'
import { encodeRow } from '../packages/engine/src/weights/encode/encode.ts'

/** The types that noise is made in. */
export const NOISE_TYPES = [
  'F32',
  'F16',
  'Q4_0',
  'Q8_0',
  'BF16',
  'Q4_K',
  'Q6_K',
] as const satisfies readonly ElementType[]

export type NoiseType = (typeof NOISE_TYPES)[number]

/** Slices of the normal distribution, for floats and for the few levels of a quantised block. */
const FINE_QUANTILES = quantiles(1 << 16)
const QUANTILES = quantiles(256)
const LARGEST = QUANTILES[255] ?? 3

/**
 * Normally distributed weights, written straight in their storage type: a random word picks entries of a table of
 * quantiles, so a block costs a few table reads and no float is ever quantised. The blocks look like those of a real
 * file (every scale a normal half float, quants that fill their range), which is all that speed depends on.
 */
export function noise(type: NoiseType, deviation: number, seed: number): (bytes: Uint8Array) => void {
  const random = randomWords(seed)
  switch (type) {
    case 'F32':
      return floatNoise(random, 0, deviation)
    case 'F16':
      return halfNoise(random, toFloat16, deviation)
    case 'BF16':
      return halfNoise(random, toBfloat16, deviation)
    case 'Q8_0':
      return q8Noise(random, deviation)
    case 'Q4_0':
      return q4Noise(random, deviation)
    case 'Q4_K':
    case 'Q6_K':
      return pooledNoise(type, random, deviation)
  }
}

/** F32 weights around `mean`. */
export function floatNoise(random: () => number, mean: number, deviation: number): (bytes: Uint8Array) => void {
  const table = Float32Array.from(FINE_QUANTILES, (quantile) => mean + deviation * quantile)
  return (bytes) => {
    const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    for (let i = 0; i < floats.length; i++) floats[i] = table[random() & 0xffff] ?? mean
  }
}

/** 32 random bits a call (mulberry32): fast, and the same on every machine. */
export function randomWords(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return word ^ (word >>> 14)
  }
}

function halfNoise(random: () => number, encode: (value: number) => number, deviation: number) {
  const table = Uint16Array.from(FINE_QUANTILES, (quantile) => encode(deviation * quantile))
  return (bytes: Uint8Array) => {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    for (let i = 0; i < halves.length; i++) halves[i] = table[random() & 0xffff] ?? 0
  }
}

const POOL_BLOCKS = 128

/** Blocks whose scales have scales of their own: some are made by quantising floats, and drawn again and again. */
function pooledNoise(type: 'Q4_K' | 'Q6_K', random: () => number, deviation: number) {
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  const floats = new Float32Array(POOL_BLOCKS * blockLength)
  floatNoise(random, 0, deviation)(new Uint8Array(floats.buffer))
  const pool = new Uint8Array(POOL_BLOCKS * blockBytes)
  encodeRow(type, floats, pool, 0)
  return (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; at += blockBytes) {
      const from = (random() & (POOL_BLOCKS - 1)) * blockBytes
      bytes.set(pool.subarray(from, from + blockBytes), at)
    }
  }
}

/** 2 bytes of scale, 32 signed bytes. */
function q8Noise(random: () => number, deviation: number) {
  const table = Int8Array.from(QUANTILES, (quantile) => Math.round((127 / LARGEST) * quantile))
  const scales = blockScales((deviation * LARGEST) / 127, false)
  const { blockBytes } = ELEMENT_LAYOUTS.Q8_0
  return (bytes: Uint8Array) => {
    for (let block = 0; block < bytes.length; block += blockBytes) {
      putScale(bytes, block, scales, random)
      for (let at = block + 2; at < block + blockBytes; at += 4) {
        const word = random()
        bytes[at] = table[word & 255] ?? 0
        bytes[at + 1] = table[(word >>> 8) & 255] ?? 0
        bytes[at + 2] = table[(word >>> 16) & 255] ?? 0
        bytes[at + 3] = table[word >>> 24] ?? 0
      }
    }
  }
}

/** 2 bytes of scale, 16 bytes of two nibbles; a nibble n means (n - 8) * scale. */
function q4Noise(random: () => number, deviation: number) {
  const nibbles = QUANTILES.map((quantile) => Math.min(15, Math.round((8 / LARGEST) * quantile) + 8))
  const table = new Uint8Array(1 << 16)
  for (let i = 0; i < table.length; i++) table[i] = (nibbles[i & 255] ?? 8) | ((nibbles[i >>> 8] ?? 8) << 4)
  const scales = blockScales((deviation * LARGEST) / 8, true)
  const { blockBytes } = ELEMENT_LAYOUTS.Q4_0
  return (bytes: Uint8Array) => {
    for (let block = 0; block < bytes.length; block += blockBytes) {
      putScale(bytes, block, scales, random)
      for (let at = block + 2; at < block + blockBytes; at += 2) {
        const word = random()
        bytes[at] = table[word & 0xffff] ?? 0
        bytes[at + 1] = table[word >>> 16] ?? 0
      }
    }
  }
}

/** 256 half-float scales around `scale`: blocks of a real file differ, and 4-bit ones have either sign. */
function blockScales(scale: number, signed: boolean): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, i) => {
    const size = scale * (0.75 + (0.5 * i) / 255)
    return toFloat16(signed && i % 2 === 1 ? -size : size)
  })
}

function putScale(bytes: Uint8Array, at: number, scales: Uint16Array, random: () => number): void {
  const scale = scales[random() & 255] ?? 0
  bytes[at] = scale & 255
  bytes[at + 1] = scale >>> 8
}

/** The middle of each of `count` equally likely slices of the standard normal distribution. */
function quantiles(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => normalQuantile((i + 0.5) / count))
}

/**
 * The inverse of the normal distribution function by bisection on an approximation of it (Zelen and Severo, error
 * below 1e-7): plain to read, and only ever called to fill a table.
 */
function normalQuantile(probability: number): number {
  let low = -6
  let high = 6
  while (high - low > 1e-7) {
    const middle = (low + high) / 2
    if (normalProbability(middle) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

function normalProbability(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series
  return x >= 0 ? 1 - tail : tail
}

const floatBits = new Uint32Array(1)
const floatValue = new Float32Array(floatBits.buffer)

function toBfloat16(value: number): number {
  floatValue[0] = value
  const bits = floatBits[0] ?? 0
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/** Rounds half up in the last place; the values here are normal half floats or close to zero, never infinite. */
function toFloat16(value: number): number {
  const size = Math.abs(value)
  const sign = value < 0 ? 0x8000 : 0
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24)
  const exponent = Math.floor(Math.log2(size))
  return sign | (((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024))
}
