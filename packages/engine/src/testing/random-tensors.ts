import { MemorySource } from '../bytes/memory-source.ts'
import { type DecodableType, ELEMENT_LAYOUTS, rowBytes } from '../weights/element-type.ts'
import { floatToHalf } from '../weights/half.ts'
import type { Tensor } from '../weights/tensor.ts'

/** Repeatable numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A tensor of random weights of about unit size, stored in a type. One scale or half in 64 is subnormal. */
export function randomTensor(name: string, type: DecodableType, shape: readonly number[], seed: number): Tensor {
  const columns = shape[shape.length - 1]
  const rows = shape.slice(0, -1).reduce((product, length) => product * length, 1)
  const bytes = new Uint8Array(rows * rowBytes(type, columns))
  fill(type, bytes, randomNumbers(seed))
  return tensorOf(name, type, shape, bytes)
}

/** A tensor of given floats. */
export function floatTensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  return tensorOf(name, 'F32', shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function tensorOf(name: string, type: DecodableType, shape: readonly number[], bytes: Uint8Array): Tensor {
  return { name, type, shape, source: new MemorySource(name, bytes), offset: 0, byteLength: bytes.length }
}

function fill(type: DecodableType, bytes: Uint8Array<ArrayBuffer>, random: () => number): void {
  const halves = new Uint16Array(bytes.buffer, 0, bytes.length >> 1)
  switch (type) {
    case 'F32': {
      const floats = new Float32Array(bytes.buffer)
      for (let i = 0; i < floats.length; i++) floats[i] = 2 * random() - 1
      return
    }
    case 'F16':
      for (let i = 0; i < halves.length; i++) halves[i] = randomHalf(random, 1)
      return
    case 'BF16': {
      const float = new Float32Array(1)
      const bits = new Uint32Array(float.buffer)
      for (let i = 0; i < halves.length; i++) {
        float[0] = 2 * random() - 1
        halves[i] = bits[0] >>> 16
      }
      return
    }
    default:
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256
      setScales(type, bytes, random)
  }
}

/** Bits of any kind are good quants and factors, but not good scales. */
function setScales(
  type: keyof typeof SCALES | 'IQ1_M' | 'MXFP4' | 'NVFP4',
  bytes: Uint8Array,
  random: () => number,
): void {
  const { blockBytes } = ELEMENT_LAYOUTS[type]
  const setHalf = (at: number, half: number): void => bytes.set([half & 255, half >>> 8], at)
  for (let block = 0; block < bytes.length; block += blockBytes) {
    switch (type) {
      case 'MXFP4':
        bytes[block] = 122 + 6 * random()
        break
      case 'NVFP4':
        // Exponents around 2^-4.
        for (let s = 0; s < 4; s++) bytes[block + s] = 20 + 16 * random()
        break
      case 'IQ1_M': {
        const half = randomHalf(random, 1 / 4)
        for (let i = 0; i < 4; i++) {
          const at = block + 49 + 2 * i
          bytes[at] = (bytes[at] & 15) | (((half >>> (4 * i)) & 15) << 4)
        }
        break
      }
      default:
        for (const [at, scale] of SCALES[type]) setHalf(block + at, randomHalf(random, scale))
    }
  }
}

/** Where a block has its halves, and how large they are for weights of about unit size. */
const SCALES = {
  Q8_0: [[0, 1 / 73]],
  Q4_0: [[0, 1 / 4.6]],
  Q4_1: [
    [0, 1 / 8],
    [2, 1],
  ],
  Q5_0: [[0, 1 / 9]],
  Q5_1: [
    [0, 1 / 16],
    [2, 1],
  ],
  Q2_K: [
    [80, 1 / 12],
    [82, 1 / 8],
  ],
  Q3_K: [[108, 1 / 40]],
  Q4_K: [
    [0, 1 / 250],
    [2, 1 / 32],
  ],
  Q5_K: [
    [0, 1 / 500],
    [2, 1 / 32],
  ],
  Q6_K: [[208, 1 / 1300]],
  IQ1_S: [[0, 1 / 4]],
  IQ2_XXS: [[0, 1 / 50]],
  IQ2_XS: [[0, 1 / 50]],
  IQ2_S: [[0, 1 / 50]],
  IQ3_XXS: [[0, 1 / 130]],
  IQ3_S: [[0, 1 / 130]],
  IQ4_NL: [[0, 1 / 73]],
  IQ4_XS: [[0, 1 / 1300]],
  TQ1_0: [[52, 1]],
  TQ2_0: [[64, 1]],
  Q1_0: [[0, 1]],
  Q2_0: [[0, 1]],
} as const

function randomHalf(random: () => number, scale: number): number {
  return floatToHalf((2 * random() - 1) * (random() < 1 / 64 ? 2 ** -15 : scale))
}
