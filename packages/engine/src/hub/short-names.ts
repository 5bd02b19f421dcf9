/**
 * Short names of models, and where their publishers keep them: a GGUF repository with the quantisation that is usual
 * for the size, or the folder as published.
 */
export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['qwen3:0.6b', 'Qwen/Qwen3-0.6B-GGUF:Q8_0'],
  ['qwen3:1.7b', 'Qwen/Qwen3-1.7B-GGUF:Q8_0'],
  ['qwen3:4b', 'Qwen/Qwen3-4B-GGUF:Q4_K_M'],
  ['qwen3:8b', 'Qwen/Qwen3-8B-GGUF:Q4_K_M'],
  ['qwen3:14b', 'Qwen/Qwen3-14B-GGUF:Q4_K_M'],
  ['qwen3:32b', 'Qwen/Qwen3-32B-GGUF:Q4_K_M'],
  ['qwen3:30b-a3b', 'Qwen/Qwen3-30B-A3B-GGUF:Q4_K_M'],
  ['qwen3:235b-a22b', 'Qwen/Qwen3-235B-A22B-GGUF:Q4_K_M'],
  ['qwen2.5:0.5b', 'Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0'],
  ['qwen2.5:1.5b', 'Qwen/Qwen2.5-1.5B-Instruct-GGUF:Q8_0'],
  ['qwen2.5:3b', 'Qwen/Qwen2.5-3B-Instruct-GGUF:Q4_K_M'],
  ['qwen2.5:7b', 'Qwen/Qwen2.5-7B-Instruct-GGUF:Q4_K_M'],
  ['qwen2.5:14b', 'Qwen/Qwen2.5-14B-Instruct-GGUF:Q4_K_M'],
  ['qwen2.5:32b', 'Qwen/Qwen2.5-32B-Instruct-GGUF:Q4_K_M'],
  ['qwen2.5:72b', 'Qwen/Qwen2.5-72B-Instruct-GGUF:Q4_K_M'],
  ['qwq:32b', 'Qwen/QwQ-32B-GGUF:Q4_K_M'],
  ['smollm2:135m', 'HuggingFaceTB/SmolLM2-135M-Instruct'],
  ['smollm2:360m', 'HuggingFaceTB/SmolLM2-360M-Instruct'],
  ['smollm2:1.7b', 'HuggingFaceTB/SmolLM2-1.7B-Instruct'],
  ['deepseek-r1:1.5b', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B'],
  ['deepseek-r1:7b', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-7B'],
  ['deepseek-r1:8b', 'deepseek-ai/DeepSeek-R1-0528-Qwen3-8B'],
])
