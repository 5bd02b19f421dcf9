import type { Graph } from '../graph/operations.ts'
import type { DecoderConfig, ExpertsConfig } from './config.ts'
import type { Hyperparameters } from './hyperparameters.ts'
import type { ModelWeights } from './model-weights.ts'

/** A model family: how to read it from either format, and what it computes. */
export interface Architecture {
  /** `general.architecture` of its GGUF files. */
  readonly name: string
  /** Hugging Face tensor names by GGUF names; `{n}` is the layer, `{e}` the expert. */
  readonly huggingFaceTensors: Readonly<Record<string, string>>
  /** The experts that a config.json describes, for families that have them; GGUF files name theirs all alike. */
  readonly huggingFaceExperts?: (parameters: Hyperparameters) => ExpertsConfig
  /** How RoPE pairs dimensions in GGUF files. Hugging Face checkpoints of these families pair halves. */
  readonly ggufPairing: 'half' | 'interleaved'
  /** Records the model's operations; weights it asks for are checked against the checkpoint's tensors. */
  record(config: DecoderConfig, weights: ModelWeights): Graph
}
