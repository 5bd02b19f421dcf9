/**
 * Short names of models, and where their publishers keep them: a GGUF repository with a quantisation, or the folder as
 * published. Only models that this engine runs, on most machines: nobody should wait for a download in vain.
 */
export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['qwen3:0.6b', 'Qwen/Qwen3-0.6B-GGUF:Q8_0'],
  ['qwen3:1.7b', 'Qwen/Qwen3-1.7B-GGUF:Q8_0'],
  ['qwen2.5:0.5b', 'Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0'],
  ['qwen2.5:1.5b', 'Qwen/Qwen2.5-1.5B-Instruct-GGUF:Q8_0'],
  ['qwen2.5:3b', 'Qwen/Qwen2.5-3B-Instruct-GGUF:Q8_0'],
  ['smollm2:135m', 'HuggingFaceTB/SmolLM2-135M-Instruct'],
  ['smollm2:360m', 'HuggingFaceTB/SmolLM2-360M-Instruct'],
  ['smollm2:1.7b', 'HuggingFaceTB/SmolLM2-1.7B-Instruct'],
  ['deepseek-r1:1.5b', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B'],
])
