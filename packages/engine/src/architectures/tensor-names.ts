/** Hugging Face names of a plain decoder's tensors, by GGUF name; `{n}` is the layer, `{e}` the expert. */
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

/**
 * A checkpoint's tensors by GGUF name, from their Hugging Face names; tensors the table lacks are left out. Checkpoints
 * of a model without its head (embedding models) have the names without `model.`.
 */
export function byGgufName<T>(
  tensors: ReadonlyMap<string, T>,
  table: Readonly<Record<string, string>>,
  { layers, experts }: { layers: number; experts: number },
): Map<string, T> {
  const renamed = new Map<string, T>()
  // A lying count cannot outrun the tensors that are there.
  const repeats = (name: string, mark: string, count: number) =>
    name.includes(mark) ? Math.min(count, tensors.size) : 1
  for (const [ggufName, huggingFaceName] of Object.entries(table)) {
    for (let layer = 0; layer < repeats(ggufName, '{n}', layers); layer++) {
      for (let expert = 0; expert < repeats(ggufName, '{e}', experts); expert++) {
        const numbered = (name: string) => name.replace('{n}', String(layer)).replace('{e}', String(expert))
        const stored = numbered(huggingFaceName)
        const tensor = tensors.get(stored) ?? tensors.get(stored.replace(/^model\./, ''))
        if (tensor !== undefined) renamed.set(numbered(ggufName), tensor)
      }
    }
  }
  return renamed
}

/**
 * The GGUF name of one tensor, from its Hugging Face name; undefined where the table lacks it. As in `byGgufName`, a
 * leading `model.` may be missing.
 */
export function ggufNameOf(huggingFaceName: string, table: Readonly<Record<string, string>>): string | undefined {
  if (huggingFaceName.includes('{')) return undefined
  const numbers: string[] = []
  const pattern = huggingFaceName.replace(/(?<=\.)(?:0|[1-9]\d*)(?=\.)/g, (number) => {
    numbers.push(number)
    return numbers.length === 1 ? '{n}' : '{e}'
  })
  const found = Object.entries(table).find(([, known]) => known === pattern || known === `model.${pattern}`)
  return found?.[0].replace('{n}', numbers[0] ?? '').replace('{e}', numbers[1] ?? '')
}
