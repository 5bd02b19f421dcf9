import { type DecodableType, ELEMENT_LAYOUTS, isFloat } from '../element-type.ts'
import { halfToFloatBits } from '../half.ts'
import { newBlock } from './block.ts'
import { BLOCK_FORMATS, type QuantizedType } from './formats.ts'

/*
 * Stored elements to float32, straight from the definition of each type in ggml. A product of a half-precision scale
 * and small integers fits a float32, so only the subtraction of a minimum rounds, once. Copies of whole floats need a
 * little-endian machine.
 */

const FLOAT_DECODERS = { F32: decodeF32, F16: decodeF16, BF16: decodeBF16 } as const

/**
 * Decodes `target.length` elements that are stored from byte `offset` of `bytes` on. The length must be a multiple of
 * the type's block length.
 */
export function decodeRow(type: DecodableType, bytes: Uint8Array, offset: number, target: Float32Array): void {
  if (isFloat(type)) FLOAT_DECODERS[type](bytes, offset, target)
  else decodeBlocks(type, bytes, offset, target)
}

function decodeBlocks(type: QuantizedType, bytes: Uint8Array, offset: number, target: Float32Array): void {
  const { values, subBlock, take } = BLOCK_FORMATS[type]
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  const stored = viewOf(bytes)
  const block = newBlock()
  const { codes, factors, minimumFactors } = block
  for (let first = 0, at = offset; first < target.length; first += blockLength, at += blockBytes) {
    take(stored, at, block)
    for (let start = 0, s = 0; start < blockLength; start += subBlock, s++) {
      const scale = block.d * factors[s]
      const minimum = block.dmin * minimumFactors[s]
      for (let i = start; i < start + subBlock; i++) target[first + i] = scale * values[codes[i]] - minimum
    }
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
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
  const stored = viewOf(bytes)
  for (let i = 0; i < bits.length; i++) bits[i] = halfToFloatBits(stored.getUint16(offset + 2 * i, true))
}

/** The upper half of a float32. */
function decodeBF16(bytes: Uint8Array, offset: number, target: Float32Array): void {
  const bits = bitsOf(target)
  const stored = viewOf(bytes)
  for (let i = 0; i < bits.length; i++) bits[i] = stored.getUint16(offset + 2 * i, true) << 16
}
