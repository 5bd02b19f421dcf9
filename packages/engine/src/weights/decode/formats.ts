import type { DecodableType, FloatType } from '../element-type.ts'
import type { BlockFormat } from './block.ts'
import { Q1_0, Q2_0, TQ1_0, TQ2_0 } from './few-bits.ts'
import { IQ4_NL, IQ4_XS, MXFP4, NVFP4 } from './float-codebooks.ts'
import { IQ1_M, IQ1_S, IQ2_S, IQ2_XS, IQ2_XXS, IQ3_S, IQ3_XXS } from './iq-codebooks.ts'
import { Q2_K, Q3_K, Q4_K, Q5_K, Q6_K } from './k-quants.ts'
import { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } from './simple-blocks.ts'

export type QuantizedType = Exclude<DecodableType, FloatType>

/** All types of quantised weights. */
export const BLOCK_FORMATS: Readonly<Record<QuantizedType, BlockFormat>> = {
  Q8_0,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ1_S,
  IQ1_M,
  IQ2_XXS,
  IQ2_XS,
  IQ2_S,
  IQ3_XXS,
  IQ3_S,
  IQ4_NL,
  IQ4_XS,
  MXFP4,
  NVFP4,
  TQ1_0,
  TQ2_0,
  Q1_0,
  Q2_0,
}
