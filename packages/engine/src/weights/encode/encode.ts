import { ELEMENT_LAYOUTS } from '../element-type.ts'
import { type Encode, type EncodeBlock, inBlocks } from './blocks.ts'
import { encodeBF16, encodeF16, encodeF32 } from './floats.ts'
import { encodeQ4_K, encodeQ5_K, encodeQ6_K } from './k-quants.ts'
import { encodeQ4_0, encodeQ4_1, encodeQ5_0, encodeQ5_1, encodeQ8_0 } from './simple-blocks.ts'

const FLOAT_ENCODERS = { F32: encodeF32, F16: encodeF16, BF16: encodeBF16 } as const satisfies Record<string, Encode>

const BLOCK_ENCODERS = {
  Q8_0: encodeQ8_0,
  Q4_0: encodeQ4_0,
  Q4_1: encodeQ4_1,
  Q5_0: encodeQ5_0,
  Q5_1: encodeQ5_1,
  Q4_K: encodeQ4_K,
  Q5_K: encodeQ5_K,
  Q6_K: encodeQ6_K,
} as const satisfies Record<string, EncodeBlock>

/** The types that weights can be written in. */
export type EncodableType = keyof typeof FLOAT_ENCODERS | keyof typeof BLOCK_ENCODERS

/**
 * Encodes finite float32 values into `target` from byte `offset` on. Their count must be a multiple of the type's block
 * length.
 */
export function encodeRow(type: EncodableType, values: Float32Array, target: Uint8Array, offset: number): void {
  encoderOf(type)(values, target, offset)
}

function encoderOf(type: EncodableType): Encode {
  if (type === 'F32' || type === 'F16' || type === 'BF16') return FLOAT_ENCODERS[type]
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  return inBlocks(blockLength, blockBytes, BLOCK_ENCODERS[type])
}
