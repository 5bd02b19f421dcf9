import { CheckpointError, EngineError } from '../errors.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** The token behind every text, at which the model was trained to sum it up (arXiv 2506.05176). */
const LAST_TOKEN = '<|endoftext|>'

/**
 * The tokens of a text that a Qwen3 embedding model reads. Texts of control tokens in it stay text.
 * @throws CheckpointError `unsupported-tokenizer` for a model without the token that texts end in
 */
export function tokensToEmbed(text: string, tokenizer: Tokenizer, name: string): Int32Array {
  const last = tokenizer.idOf(LAST_TOKEN)
  if (last === undefined) {
    throw new CheckpointError('unsupported-tokenizer', `${name} has no token ${LAST_TOKEN}, in which texts end.`, {
      remedy: 'Embed with a model made for it, such as Qwen3-Embedding.',
    })
  }
  return Int32Array.from([...tokenizer.encode(text, { special: false }), last])
}

/**
 * A vector of length 1 in the direction of `hidden`.
 * @throws EngineError `kernel-failed` for one that has none, as a damaged model may give
 */
export function normalized(hidden: Float32Array): Float32Array<ArrayBuffer> {
  const length = Math.sqrt(hidden.reduce((sum, x) => sum + x * x, 0))
  if (!(length > 0 && length < Number.POSITIVE_INFINITY)) {
    throw new EngineError('kernel-failed', `The final hidden state has the length ${length}, and so no direction.`, {
      remedy: 'The checkpoint may be damaged: check its checksum, then load the model again.',
    })
  }
  return Float32Array.from(hidden, (x) => x / length)
}
