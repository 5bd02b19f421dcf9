import { type DecodableType, ELEMENT_LAYOUTS } from '../element-type.ts'
import { halfToFloatBits } from '../half.ts'
import { type Decode, type DecodeBlock, inBlocks, u16 } from './blocks.ts'
import { decodeQ1_0, decodeQ2_0, decodeTQ1_0, decodeTQ2_0 } from './few-bits.ts'
import { decodeIQ4_NL, decodeIQ4_XS, decodeMXFP4, decodeNVFP4 } from './float-codebooks.ts'
import {
  decodeIQ1_M,
  decodeIQ1_S,
  decodeIQ2_S,
  decodeIQ2_XS,
  decodeIQ2_XXS,
  decodeIQ3_S,
  decodeIQ3_XXS,
} from './iq-codebooks.ts'
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './k-quants.ts'
import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from './simple-blocks.ts'

/*
 * Stored elements to float32, straight from the definition of each type in ggml. A product of a half-precision scale
 * and small integers fits a float32, so only the subtraction of a minimum rounds, once. Like the formats, this needs a
 * little-endian machine.
 */

const FLOAT_DECODERS = { F32: decodeF32, F16: decodeF16, BF16: decodeBF16 } as const satisfies Record<string, Decode>

const BLOCK_DECODERS = {
  Q8_0: decodeQ8_0,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q2_K: decodeQ2_K,
  Q3_K: decodeQ3_K,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
  IQ1_S: decodeIQ1_S,
  IQ1_M: decodeIQ1_M,
  IQ2_XXS: decodeIQ2_XXS,
  IQ2_XS: decodeIQ2_XS,
  IQ2_S: decodeIQ2_S,
  IQ3_XXS: decodeIQ3_XXS,
  IQ3_S: decodeIQ3_S,
  IQ4_NL: decodeIQ4_NL,
  IQ4_XS: decodeIQ4_XS,
  MXFP4: decodeMXFP4,
  NVFP4: decodeNVFP4,
  TQ1_0: decodeTQ1_0,
  TQ2_0: decodeTQ2_0,
  Q1_0: decodeQ1_0,
  Q2_0: decodeQ2_0,
} as const satisfies { readonly [type in Exclude<DecodableType, keyof typeof FLOAT_DECODERS>]: DecodeBlock }

/**
 * Decodes `target.length` elements that are stored from byte `offset` of `bytes` on. The length must be a multiple of
 * the type's block length.
 */
export function decodeRow(type: DecodableType, bytes: Uint8Array, offset: number, target: Float32Array): void {
  decoderOf(type)(bytes, offset, target)
}

function decoderOf(type: DecodableType): Decode {
  if (type === 'F32' || type === 'F16' || type === 'BF16') return FLOAT_DECODERS[type]
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  return inBlocks(blockLength, blockBytes, BLOCK_DECODERS[type])
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
  for (let i = 0; i < bits.length; i++) bits[i] = halfToFloatBits(u16(bytes, offset + 2 * i))
}

/** The upper half of a float32. */
function decodeBF16(bytes: Uint8Array, offset: number, target: Float32Array): void {
  const bits = bitsOf(target)
  for (let i = 0; i < bits.length; i++) bits[i] = u16(bytes, offset + 2 * i) << 16
}
