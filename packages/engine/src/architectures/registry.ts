import type { Architecture } from './architecture.ts'
import { llama } from './llama.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'

/** Every family this engine runs. */
export const ARCHITECTURES: readonly Architecture[] = [llama, qwen2, qwen3]
