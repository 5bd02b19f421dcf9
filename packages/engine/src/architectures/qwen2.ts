import type { Architecture } from './architecture.ts'
import { preNormDecoder } from './blocks/pre-norm-decoder.ts'
import { DECODER_TENSORS } from './tensor-names.ts'

/** Qwen2 and 2.5, dense (arXiv 2407.10671): the plain pre-norm decoder with biases on q, k and v. */
export const qwen2: Architecture = {
  name: 'qwen2',
  huggingFaceTensors: DECODER_TENSORS,
  ggufPairing: 'half',
  record: (config, weights) => preNormDecoder(config, weights, { queryKeyNorm: false }),
}
