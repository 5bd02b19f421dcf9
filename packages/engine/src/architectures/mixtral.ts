import type { Architecture } from './architecture.ts'
import { llama } from './llama.ts'
import { DECODER_TENSORS } from './tensor-names.ts'

/**
 * Mixtral (arXiv 2401.04088): Llama with a mixture of experts for a feed-forward network, of which a token's two are
 * weighted by a softmax over the two. Its GGUF files are of the architecture `llama`; its Hugging Face folders have names
 * of their own.
 */
export const mixtral: Architecture = {
  ...llama,
  huggingFaceTensors: {
    ...DECODER_TENSORS,
    'blk.{n}.ffn_gate_inp.weight': 'model.layers.{n}.block_sparse_moe.gate.weight',
    'blk.{n}.ffn_gate.{e}.weight': 'model.layers.{n}.block_sparse_moe.experts.{e}.w1.weight',
    'blk.{n}.ffn_up.{e}.weight': 'model.layers.{n}.block_sparse_moe.experts.{e}.w3.weight',
    'blk.{n}.ffn_down.{e}.weight': 'model.layers.{n}.block_sparse_moe.experts.{e}.w2.weight',
  },
  huggingFaceExperts: (parameters) => ({
    count: parameters.size('num_local_experts'),
    used: parameters.size('num_experts_per_tok'),
    width: parameters.size('intermediate_size'),
    normalise: true,
  }),
}
