import { MemorySource } from '../bytes/memory-source.ts'
import { type RunnableType, rowBytes } from '../weights/element-type.ts'
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
export function randomTensor(name: string, type: RunnableType, shape: readonly number[], seed: number): Tensor {
  const columns = shape[shape.length - 1]
  const rows = shape.slice(0, -1).reduce((product, length) => product * length, 1)
  const bytes = new Uint8Array(rows * rowBytes(type, columns))
  FILL[type](bytes, randomNumbers(seed))
  return tensorOf(name, type, shape, bytes)
}

/** A tensor of given floats. */
export function floatTensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  return tensorOf(name, 'F32', shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function tensorOf(name: string, type: RunnableType, shape: readonly number[], bytes: Uint8Array): Tensor {
  return { name, type, shape, source: new MemorySource(name, bytes), offset: 0, byteLength: bytes.length }
}

const FILL: Readonly<Record<RunnableType, (bytes: Uint8Array, random: () => number) => void>> = {
  F32: (bytes, random) => {
    const floats = new Float32Array(bytes.buffer)
    for (let i = 0; i < floats.length; i++) floats[i] = 2 * random() - 1
  },
  F16: (bytes, random) => {
    const halves = new Uint16Array(bytes.buffer)
    for (let i = 0; i < halves.length; i++) halves[i] = randomHalf(random, 1)
  },
  BF16: (bytes, random) => {
    const halves = new Uint16Array(bytes.buffer)
    const float = new Float32Array(1)
    const bits = new Uint32Array(float.buffer)
    for (let i = 0; i < halves.length; i++) {
      float[0] = 2 * random() - 1
      halves[i] = bits[0] >>> 16
    }
  },
  Q8_0: (bytes, random) => fillBlocks(bytes, 34, random, 1 / 73),
  Q4_0: (bytes, random) => fillBlocks(bytes, 18, random, 1 / 4.6),
}

/** A half-precision scale, then quants: any bits will do. */
function fillBlocks(bytes: Uint8Array, blockBytes: number, random: () => number, scale: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256
  const halves = new Uint16Array(bytes.buffer)
  for (let i = 0; i < halves.length; i += blockBytes / 2) halves[i] = randomHalf(random, scale)
}

function randomHalf(random: () => number, scale: number): number {
  return floatToHalf((2 * random() - 1) * (random() < 1 / 64 ? 2 ** -15 : scale))
}
