import type { Architecture } from './architecture.ts'
import { qwen3 } from './qwen3.ts'

/**
 * Qwen3 with a mixture of experts (arXiv 2505.09388): Qwen3's attention; a layer's feed-forward network is a mixture,
 * or a dense one in the layers that `mlp_only_layers` and `decoder_sparse_step` of config.json name. Those are the ones
 * that have no router.
 */
export const qwen3moe: Architecture = {
  ...qwen3,
  name: 'qwen3moe',
  huggingFaceTensors: {
    ...qwen3.huggingFaceTensors,
    'blk.{n}.ffn_gate_inp.weight': 'model.layers.{n}.mlp.gate.weight',
    'blk.{n}.ffn_gate.{e}.weight': 'model.layers.{n}.mlp.experts.{e}.gate_proj.weight',
    'blk.{n}.ffn_up.{e}.weight': 'model.layers.{n}.mlp.experts.{e}.up_proj.weight',
    'blk.{n}.ffn_down.{e}.weight': 'model.layers.{n}.mlp.experts.{e}.down_proj.weight',
  },
  huggingFaceExperts: (parameters) => ({
    count: parameters.size(parameters.has('num_experts') ? 'num_experts' : 'num_local_experts'),
    used: parameters.size('num_experts_per_tok'),
    width: parameters.size('moe_intermediate_size'),
    // As transformers has it where the field is missing.
    normalise: parameters.boolean('norm_topk_prob', false),
  }),
}
