import type { RunnableType } from './element-type.ts'
import { halfToFloat, halfToFloatBits } from './half.ts'

/*
 * Stored elements to float32, straight from the definition of each type in ggml. A product of a half-precision scale
 * and an 8-bit integer fits a float32, so the results are exact. Like the formats, this needs a little-endian machine.
 */

type Decode = (bytes: Uint8Array, offset: number, target: Float32Array) => void

const DECODERS: { readonly [type in RunnableType]: Decode } = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  Q8_0: decodeQ8_0,
  Q4_0: decodeQ4_0,
}

/**
 * Decodes `target.length` elements that are stored from byte `offset` of `bytes` on. The length must be a multiple of
 * the type's block length.
 */
export function decodeRow(type: RunnableType, bytes: Uint8Array, offset: number, target: Float32Array): void {
  DECODERS[type](bytes, offset, target)
}

function bitsOf(target: Float32Array): Uint32Array {
  return new Uint32Array(target.buffer, target.byteOffset, target.length)
}

/** A byte copy, so that NaNs keep their payload. */
function decodeF32(bytes: Uint8Array, offset: number, target: Float32Array): void {
  const stored = bytes.subarray(offset, offset + target.byteLength)
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(stored)
}

function decodeF16(bytes: Uint8Array, offset: number, target: Float32Array): void {
  const bits = bitsOf(target)
  for (let i = 0; i < bits.length; i++) bits[i] = halfToFloatBits(half(bytes, offset + 2 * i))
}

/** The upper half of a float32. */
function decodeBF16(bytes: Uint8Array, offset: number, target: Float32Array): void {
  const bits = bitsOf(target)
  for (let i = 0; i < bits.length; i++) bits[i] = half(bytes, offset + 2 * i) << 16
}

/** Blocks of 32: a half-precision scale d, 32 signed bytes q; y = d q. */
function decodeQ8_0(bytes: Uint8Array, offset: number, target: Float32Array): void {
  for (let first = 0, block = offset; first < target.length; first += 32, block += 34) {
    const scale = halfToFloat(half(bytes, block))
    for (let i = 0; i < 32; i++) target[first + i] = scale * ((bytes[block + 2 + i] << 24) >> 24)
  }
}

/** Blocks of 32: a half-precision scale d, 16 bytes; y = d (q - 8), low nibbles are elements 0-15, high ones 16-31. */
function decodeQ4_0(bytes: Uint8Array, offset: number, target: Float32Array): void {
  for (let first = 0, block = offset; first < target.length; first += 32, block += 18) {
    const scale = halfToFloat(half(bytes, block))
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 2 + i]
      target[first + i] = scale * ((pair & 15) - 8)
      target[first + 16 + i] = scale * ((pair >>> 4) - 8)
    }
  }
}

/** The little-endian 16-bit number at `at`. */
function half(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8)
}
