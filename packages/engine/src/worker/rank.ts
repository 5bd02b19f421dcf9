import { CheckpointError, EngineError } from '../errors.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** What Qwen3-Reranker judges by, unless told otherwise. */
export const DEFAULT_INSTRUCTION = 'Given a web search query, retrieve relevant passages that answer the query'

/** The frame in which Qwen3-Reranker was trained to answer yes or no (arXiv 2506.05176, and its model card). */
const BEFORE =
  '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
  'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
const AFTER = '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'

export interface RankRequest {
  readonly query: string
  readonly documents: readonly string[]
  /** What makes a document relevant, as a sentence. */
  readonly instruction: string
}

/** The question about one document. Texts of control tokens in query and document stay text. */
export function tokensToRank({ query, instruction }: RankRequest, document: string, tokenizer: Tokenizer): Int32Array {
  const judged = `<Instruct>: ${instruction}\n<Query>: ${query}\n<Document>: ${document}`
  return Int32Array.from([
    ...tokenizer.encode(BEFORE),
    ...tokenizer.encode(judged, { special: false }),
    ...tokenizer.encode(AFTER),
  ])
}

/**
 * The probability of yes against no, from logits [vocabulary].
 * @throws CheckpointError `unsupported-tokenizer` for a model that has no such words; EngineError `kernel-failed` where
 *   a damaged model gives no numbers
 */
export function relevance(logits: Float32Array, tokenizer: Tokenizer, name: string): number {
  const [yes, no] = [tokenizer.idOf('yes'), tokenizer.idOf('no')]
  if (yes === undefined || no === undefined) {
    throw new CheckpointError('unsupported-tokenizer', `${name} has no tokens for yes and no, its answers.`, {
      remedy: 'Rank with a model made for it, such as Qwen3-Reranker.',
    })
  }
  const odds = logits[no] - logits[yes]
  if (Number.isNaN(odds)) {
    throw new EngineError('kernel-failed', `The logits of yes and no are ${logits[yes]} and ${logits[no]}.`, {
      field: 'logits',
      remedy: 'The checkpoint may be damaged: check its checksum, then load the model again.',
    })
  }
  return 1 / (1 + Math.exp(odds))
}
