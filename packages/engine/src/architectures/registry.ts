import type { Architecture } from './architecture.ts'
import { llama } from './llama.ts'
import { mixtral } from './mixtral.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'
import { qwen3moe } from './qwen3moe.ts'

/** Families by the `general.architecture` of their GGUF files. Those of Mistral and Mixtral say `llama`. */
export const GGUF_ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama,
  qwen2,
  qwen3,
  qwen3moe,
}

/** Families by the class that a config.json names. A clone of a family is a row. docs/models.md says which models. */
export const HUGGING_FACE_CLASSES: Readonly<Record<string, Architecture>> = {
  LlamaForCausalLM: llama,
  MistralForCausalLM: llama,
  MixtralForCausalLM: mixtral,
  Qwen2ForCausalLM: qwen2,
  Qwen3ForCausalLM: qwen3,
  Qwen3Model: qwen3,
  Qwen3MoeForCausalLM: qwen3moe,
}
