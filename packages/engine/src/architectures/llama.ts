import type { Architecture } from './architecture.ts'
import { preNormDecoder } from './blocks/pre-norm-decoder.ts'
import { DECODER_TENSORS } from './tensor-names.ts'

/**
 * Llama 2 and 3 (arXiv 2302.13971, 2407.21783): the plain pre-norm decoder. With experts it is Mixtral.
 * Its GGUF converter reorders the rows of Wq and Wk so that RoPE pairs neighbours; Hugging Face files pair halves.
 */
export const llama: Architecture = {
  name: 'llama',
  huggingFaceTensors: DECODER_TENSORS,
  ggufPairing: 'interleaved',
  record: (config, weights) => preNormDecoder(config, weights, { queryKeyNorm: false }),
}
