import { OptionError } from '../errors.ts'
import { largest } from './largest.ts'

export interface TokenLogprob {
  readonly id: number
  /** Natural logarithm of the probability. */
  readonly logprob: number
}

export interface Logprobs extends TokenLogprob {
  /** The most likely tokens, most likely first; the chosen one is among them only if it is that likely. */
  readonly top: readonly TokenLogprob[]
}

/** The largest number of alternatives a caller may ask for, as in OpenAI's API. */
const MOST_ALTERNATIVES = 20

/** @throws OptionError unless `alternatives` is a whole number from 0 to 20. */
export function checkAlternatives(alternatives: number): void {
  if (Number.isInteger(alternatives) && alternatives >= 0 && alternatives <= MOST_ALTERNATIVES) return
  throw new OptionError(
    'logprobs',
    `logprobs must be a whole number from 0 to ${MOST_ALTERNATIVES}, not ${alternatives}.`,
  )
}

/**
 * Log-probabilities of the chosen token and the most likely ones under the model itself: log-softmax of the raw
 * logits, before penalties, constraints, temperature and truncation, summed in double precision.
 */
export function logprobs(logits: Float32Array, chosen: number, alternatives: number): Logprobs {
  const normaliser = logSumExp(logits)
  const of = (id: number): TokenLogprob => ({ id, logprob: logits[id] - normaliser })
  return { ...of(chosen), top: largest(logits, alternatives).map(of) }
}

function logSumExp(logits: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY
  for (let id = 0; id < logits.length; id++) if (logits[id] > top) top = logits[id]
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - top)
  return top + Math.log(sum)
}
