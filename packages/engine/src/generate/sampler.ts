import { EngineError, LajuError } from '../errors.ts'
import { largest } from './largest.ts'
import { nextAbove } from './next-above.ts'
import { Nucleus } from './nucleus.ts'
import { uniform } from './random.ts'
import { checkSampling, type SamplingSettings } from './sampling-settings.ts'

/**
 * A constraint: forbids tokens by setting their logits to -Infinity, in place, and leaves the others as they are. Called
 * before every draw, after the penalties. The draw is as if the others were the whole vocabulary: top-k, top-p and min-p
 * count those only.
 */
export type LogitMask = (logits: Float32Array) => void

/**
 * Draws the tokens of one reply. The settings act in the order of Hugging Face transformers, for which model cards
 * state their numbers: penalties, temperature, top-k, top-p (of what top-k kept), min-p, and then one draw from what is
 * left, renormalised. Equal logits rank by id, lower first, so exactly k tokens survive top-k. (llama.cpp applies its
 * temperature last, which makes the same numbers keep a different set.)
 *
 * The repetition penalty looks at prompt and reply (Keskar et al. 2019, "CTRL"); the frequency and presence penalties
 * look at the reply only, as OpenAI's do.
 */
export class Sampler {
  readonly settings: SamplingSettings
  readonly #scratch: Float32Array
  readonly #nucleus: Nucleus | undefined
  readonly #counts = new Map<number, number>()
  readonly #seen = new Set<number>()
  /** The tokens that may still be drawn, and their unnormalised probabilities. */
  readonly #ids: Int32Array
  readonly #weights: Float64Array
  #kept = 0
  #step = 0

  /** @throws OptionError for a setting outside its range. */
  constructor(settings: SamplingSettings, vocabularySize: number) {
    checkSampling(settings)
    this.settings = settings
    this.#scratch = new Float32Array(vocabularySize)
    const { temperature, topK, topP } = settings
    const mostKept = temperature === 0 ? 0 : topK > 0 ? Math.min(topK, vocabularySize) : vocabularySize
    this.#ids = new Int32Array(mostKept)
    this.#weights = new Float64Array(mostKept)
    this.#nucleus = mostKept === vocabularySize && topP < 1 ? new Nucleus(vocabularySize) : undefined
  }

  /** Tells the repetition penalty of the prompt's tokens. */
  acceptPrompt(ids: ArrayLike<number>): void {
    if (this.settings.repetitionPenalty === 1) return
    for (let i = 0; i < ids.length; i++) this.#seen.add(ids[i])
  }

  /** Adds a token to the reply, drawn or forced, and moves on to the next draw of the seed. */
  accept(id: number): void {
    this.#seen.add(id)
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
    this.#step++
  }

  /**
   * The next token for the model's logits, which stay as they are. Until `accept` is called the answer is the same.
   * @throws EngineError when a logit is NaN or +Infinity, or all are -Infinity; LajuError `no-token-allowed` when that is
   *   the mask's doing.
   */
  sample(logits: Float32Array, mask?: LogitMask): number {
    const { temperature, topK } = this.settings
    if (logits.length !== this.#scratch.length) {
      throw new EngineError(
        'kernel-failed',
        `The model gave ${logits.length} logits for a vocabulary of ${this.#scratch.length}.`,
      )
    }
    const scores = mask || this.#penalises ? this.#changed(logits, mask) : logits
    const best = mostLikely(scores)
    if (best < 0) throw mask && mostLikely(logits) >= 0 ? nothingAllowed() : nothingPossible()
    if (temperature === 0 || topK === 1) return best

    if (this.#nucleus !== undefined) this.#keepNucleus(scores, best, this.#nucleus)
    else if (this.#ids.length < scores.length) this.#keepLargest(scores)
    else this.#keepLikely(scores, best)
    return this.#draw()
  }

  get #penalises(): boolean {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.settings
    return repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
  }

  /** A copy of the logits with penalties and without what the mask forbids. */
  #changed(logits: Float32Array, mask: LogitMask | undefined): Float32Array {
    this.#scratch.set(logits)
    this.#penalise(this.#scratch)
    mask?.(this.#scratch)
    return this.#scratch
  }

  #penalise(logits: Float32Array): void {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.settings
    if (repetitionPenalty !== 1) {
      for (const id of this.#seen) {
        const logit = logits[id]
        logits[id] = logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty
      }
    }
    if (frequencyPenalty !== 0 || presencePenalty !== 0) {
      for (const [id, count] of this.#counts) logits[id] -= count * frequencyPenalty + presencePenalty
    }
  }

  /** top-k, then top-p and min-p, which end the list early because it is sorted. */
  #keepLargest(logits: Float32Array): void {
    const { temperature, topK, topP, minP } = this.settings
    const ids = largest(logits, topK)
    const weights = ids.map((id) => Math.exp((logits[id] - logits[ids[0]]) / temperature))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    this.#kept = 0
    let mass = 0
    for (let i = 0; i < ids.length; i++) {
      if (i > 0 && (mass >= topP * total || weights[i] < minP)) break
      this.#keep(ids[i], weights[i])
      mass += weights[i]
    }
  }

  /** top-p over the whole vocabulary, then min-p. */
  #keepNucleus(logits: Float32Array, best: number, nucleus: Nucleus): void {
    const { temperature, topP, minP } = this.settings
    this.#kept = 0
    nucleus.select(logits, logits[best], temperature, topP, (id, weight) => {
      if (weight >= minP) this.#keep(id, weight)
    })
  }

  /** min-p over the whole vocabulary, or everything. */
  #keepLikely(logits: Float32Array, best: number): void {
    const { temperature, minP } = this.settings
    const top = logits[best]
    // The logit test only saves exponentials; a hair below the true border, which the weight decides.
    const floor = minP > 0 ? top + temperature * Math.log(minP) - 1e-3 * temperature : Number.NEGATIVE_INFINITY
    this.#kept = 0
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id]
      if (logit < floor) continue
      const weight = Math.exp((logit - top) / temperature)
      if (weight >= minP) this.#keep(id, weight)
    }
  }

  #keep(id: number, weight: number): void {
    if (weight === 0) return
    this.#ids[this.#kept] = id
    this.#weights[this.#kept++] = weight
  }

  #draw(): number {
    const ids = this.#ids
    const weights = this.#weights
    const last = this.#kept - 1
    let total = 0
    for (let i = 0; i <= last; i++) total += weights[i]
    let left = uniform(this.settings.seed, this.#step) * total
    for (let i = 0; i < last; i++) {
      left -= weights[i]
      if (left < 0) return ids[i]
    }
    return ids[last]
  }
}

/** The id of the largest logit, the lowest such id, or -1 where all are -Infinity; checks every logit on the way. */
function mostLikely(logits: Float32Array): number {
  let best = -1
  let top = Number.NEGATIVE_INFINITY
  // Found so that NaN, which compares false, takes the rare path too.
  for (let id = nextAbove(logits, 0, top); id < logits.length; id = nextAbove(logits, id + 1, top)) {
    if (Number.isNaN(logits[id])) throw brokenLogit(id, 'not a number')
    best = id
    top = logits[id]
  }
  if (top === Number.POSITIVE_INFINITY) throw brokenLogit(best, 'infinite')
  return best
}

function nothingAllowed(): LajuError {
  return new LajuError('no-token-allowed', 'The constraint forbids every token at this place.', {
    field: 'mask',
    remedy: 'Let the constraint allow a token that ends the reply wherever nothing else can follow.',
  })
}

function nothingPossible(): EngineError {
  return new EngineError('kernel-failed', 'Every logit is -Infinity, so no token can be drawn.', {
    field: 'logits',
    remedy: DAMAGED,
  })
}

const DAMAGED = 'The checkpoint may be damaged: check its checksum, then load the model again.'

function brokenLogit(id: number, what: string): EngineError {
  return new EngineError('kernel-failed', `The logit of token ${id} is ${what}, so no token can be drawn.`, {
    field: 'logits',
    remedy: DAMAGED,
  })
}
