import type { Architecture } from './architecture.ts'
import { preNormDecoder } from './blocks/pre-norm-decoder.ts'
import { DECODER_TENSORS } from './tensor-names.ts'

/**
 * Qwen3, dense (arXiv 2505.09388): the plain pre-norm decoder, with every query and key head normalised before it is
 * rotated:
 *
 *     q = rope(norm(Wq x)),  k = rope(norm(Wk x)),  v = Wv x
 *     Attention(x) = Wo softmax(q k^T / sqrt(head dimension)) v
 */
export const qwen3: Architecture = {
  name: 'qwen3',
  huggingFaceTensors: {
    ...DECODER_TENSORS,
    'blk.{n}.attn_q_norm.weight': 'model.layers.{n}.self_attn.q_norm.weight',
    'blk.{n}.attn_k_norm.weight': 'model.layers.{n}.self_attn.k_norm.weight',
  },
  ggufPairing: 'half',
  record: (config, weights) => preNormDecoder(config, weights, { queryKeyNorm: true }),
}
