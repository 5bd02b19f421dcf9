export interface ScoredToken {
  readonly id: number
  readonly logprob: number
}

/** The `count` likeliest tokens of one row of logits, best first, with their natural log-probabilities. */
export function mostLikely(logits: Float32Array, count: number): ScoredToken[] {
  const normalizer = logSumExp(logits)
  const best: ScoredToken[] = []
  for (const [id, logit] of logits.entries()) {
    const logprob = logit - normalizer
    const last = best.at(-1)
    if (best.length === count && last !== undefined && logprob <= last.logprob) continue
    const place = best.findIndex((token) => token.logprob < logprob)
    best.splice(place < 0 ? best.length : place, 0, { id, logprob })
    if (best.length > count) best.pop()
  }
  return best
}

/** Shifted by the largest logit, so that no exponential overflows. */
function logSumExp(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY
  for (const logit of logits) largest = Math.max(largest, logit)
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - largest)
  return largest + Math.log(sum)
}
