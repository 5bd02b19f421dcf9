/** Hugging Face names of a plain decoder's tensors, by GGUF name; `{n}` is the layer. */
export const DECODER_TENSORS: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
  'blk.{n}.attn_norm.weight': 'model.layers.{n}.input_layernorm.weight',
  'blk.{n}.attn_q.weight': 'model.layers.{n}.self_attn.q_proj.weight',
  'blk.{n}.attn_q.bias': 'model.layers.{n}.self_attn.q_proj.bias',
  'blk.{n}.attn_k.weight': 'model.layers.{n}.self_attn.k_proj.weight',
  'blk.{n}.attn_k.bias': 'model.layers.{n}.self_attn.k_proj.bias',
  'blk.{n}.attn_v.weight': 'model.layers.{n}.self_attn.v_proj.weight',
  'blk.{n}.attn_v.bias': 'model.layers.{n}.self_attn.v_proj.bias',
  'blk.{n}.attn_output.weight': 'model.layers.{n}.self_attn.o_proj.weight',
  'blk.{n}.attn_output.bias': 'model.layers.{n}.self_attn.o_proj.bias',
  'blk.{n}.ffn_norm.weight': 'model.layers.{n}.post_attention_layernorm.weight',
  'blk.{n}.ffn_gate.weight': 'model.layers.{n}.mlp.gate_proj.weight',
  'blk.{n}.ffn_gate.bias': 'model.layers.{n}.mlp.gate_proj.bias',
  'blk.{n}.ffn_up.weight': 'model.layers.{n}.mlp.up_proj.weight',
  'blk.{n}.ffn_up.bias': 'model.layers.{n}.mlp.up_proj.bias',
  'blk.{n}.ffn_down.weight': 'model.layers.{n}.mlp.down_proj.weight',
  'blk.{n}.ffn_down.bias': 'model.layers.{n}.mlp.down_proj.bias',
}

/** A checkpoint's tensors by GGUF name, from their Hugging Face names; tensors the table lacks are left out. */
export function byGgufName<T>(
  tensors: ReadonlyMap<string, T>,
  table: Readonly<Record<string, string>>,
  layers: number,
): Map<string, T> {
  const renamed = new Map<string, T>()
  for (const [ggufName, huggingFaceName] of Object.entries(table)) {
    // A lying layer count cannot outrun the tensors that are there.
    const repeats = ggufName.includes('{n}') ? Math.min(layers, tensors.size) : 1
    for (let layer = 0; layer < repeats; layer++) {
      const tensor = tensors.get(huggingFaceName.replace('{n}', String(layer)))
      if (tensor === undefined) continue
      renamed.set(ggufName.replace('{n}', String(layer)), tensor)
    }
  }
  return renamed
}
