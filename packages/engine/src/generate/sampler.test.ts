import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EngineError, OptionError } from '../errors.ts'
import { uniform } from './random.ts'
import { Sampler } from './sampler.ts'
import type { SamplingSettings } from './sampling-settings.ts'

const plain: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  seed: 1,
}

/** Logits whose softmax is these shares. */
const logitsOf = (shares: number[]) => Float32Array.from(shares, Math.log)

const DRAWS = 50_000

/** How often each token comes: step by step of one seed, or, where tokens are accepted first, over many seeds. */
function frequencies(settings: SamplingSettings, logits: Float32Array, prepare?: (sampler: Sampler) => void): number[] {
  const counts = new Array<number>(logits.length).fill(0)
  if (prepare === undefined) {
    const sampler = new Sampler(settings, logits.length)
    for (let i = 0; i < DRAWS; i++) {
      const id = sampler.sample(logits)
      sampler.accept(id)
      counts[id]++
    }
    return counts
  }
  for (let seed = 0; seed < DRAWS; seed++) {
    const sampler = new Sampler({ ...settings, seed }, logits.length)
    prepare(sampler)
    counts[sampler.sample(logits)]++
  }
  return counts
}

/** Chi-square statistic as a standard normal value (Wilson and Hilferty 1931); p = 1e-4 is z = 3.719. */
function chiSquareZ(counts: number[], probabilities: number[]): number {
  let statistic = 0
  let freedom = -1
  for (let i = 0; i < counts.length; i++) {
    if (probabilities[i] === 0) {
      expect(counts[i], `token ${i} must never be drawn`).toBe(0)
      continue
    }
    const expected = DRAWS * probabilities[i]
    statistic += (counts[i] - expected) ** 2 / expected
    freedom++
  }
  const variance = 2 / (9 * freedom)
  return (Math.cbrt(statistic / freedom) - (1 - variance)) / Math.sqrt(variance)
}

function expectDistribution(counts: number[], probabilities: number[]): void {
  expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9)
  expect(chiSquareZ(counts, probabilities)).toBeLessThan(3.719)
}

const shares = [0.4, 0.3, 0.2, 0.1]
const mixed = [0.1, 0.4, 0.05, 0.25, 0.2]

describe('50,000 draws follow the probabilities worked out by hand', () => {
  it('with no setting', () => {
    expectDistribution(frequencies(plain, logitsOf(shares)), shares)
  })

  it('with temperature 0.5: shares squared, 0.16 + 0.09 + 0.04 + 0.01 = 0.3', () => {
    const settings = { ...plain, temperature: 0.5 }
    expectDistribution(frequencies(settings, logitsOf(shares)), [16 / 30, 9 / 30, 4 / 30, 1 / 30])
  })

  it('with temperature 2: square roots of 0.64, 0.25, 0.09, 0.01, 0.01 are 0.8, 0.5, 0.3, 0.1, 0.1', () => {
    const settings = { ...plain, temperature: 2 }
    const counts = frequencies(settings, logitsOf([0.64, 0.25, 0.09, 0.01, 0.01]))
    expectDistribution(counts, [8 / 18, 5 / 18, 3 / 18, 1 / 18, 1 / 18])
  })

  it('with top-k 3 on unordered logits', () => {
    const counts = frequencies({ ...plain, topK: 3 }, logitsOf(mixed))
    expectDistribution(counts, [0, 40 / 85, 0, 25 / 85, 20 / 85])
  })

  it('with top-p 0.8: 0.4 + 0.25 = 0.65 is short, 0.2 more crosses', () => {
    const counts = frequencies({ ...plain, topP: 0.8 }, logitsOf(mixed))
    expectDistribution(counts, [0, 40 / 85, 0, 25 / 85, 20 / 85])
  })

  it('with min-p 0.3: at least 0.12', () => {
    const counts = frequencies({ ...plain, minP: 0.3 }, logitsOf(mixed))
    expectDistribution(counts, [0, 40 / 85, 0, 25 / 85, 20 / 85])
  })

  it('with top-p taken from what top-k kept: 0.4 of 0.9 is short of 0.5, 0.7 of 0.9 is not', () => {
    const counts = frequencies({ ...plain, topK: 3, topP: 0.5 }, logitsOf(shares))
    expectDistribution(counts, [4 / 7, 3 / 7, 0, 0])
  })

  it('with temperature before top-p: at 0.5 the first two hold 25 of 30', () => {
    const counts = frequencies({ ...plain, temperature: 0.5, topP: 0.8 }, logitsOf(shares))
    expectDistribution(counts, [16 / 25, 9 / 25, 0, 0])
  })

  it('with the repetition penalty 2: logits ln 8 and -ln 2 become ln 8 / 2 and -2 ln 2', () => {
    // Weights 8, 0.5, 1, 1 become sqrt 8, 0.25, 1, 1; the prompt counts too.
    const logits = Float32Array.from([Math.log(8), -Math.log(2), 0, 0])
    const counts = frequencies({ ...plain, repetitionPenalty: 2 }, logits, (sampler) => {
      sampler.acceptPrompt([1])
      sampler.accept(0)
    })
    const total = Math.sqrt(8) + 2.25
    expectDistribution(counts, [Math.sqrt(8) / total, 0.25 / total, 1 / total, 1 / total])
  })

  it('with the frequency penalty: twice used, weight times e^-1', () => {
    const counts = frequencies({ ...plain, frequencyPenalty: 0.5 }, logitsOf(shares), (sampler) => {
      sampler.acceptPrompt([1])
      sampler.accept(0)
      sampler.accept(0)
    })
    const first = 0.4 * Math.exp(-1)
    expectDistribution(
      counts,
      [first, 0.3, 0.2, 0.1].map((weight) => weight / (first + 0.6)),
    )
  })

  it('with the presence penalty: once for any number of uses', () => {
    const counts = frequencies({ ...plain, presencePenalty: 1 }, logitsOf(shares), (sampler) => {
      sampler.acceptPrompt([1])
      sampler.accept(0)
      sampler.accept(0)
    })
    const first = 0.4 * Math.exp(-1)
    expectDistribution(
      counts,
      [first, 0.3, 0.2, 0.1].map((weight) => weight / (first + 0.6)),
    )
  })

  it('with the default chain: 0.8, top-k 40, top-p 0.95, min-p 0.05', () => {
    // 50 tokens of weight r^i at temperature 0.8 with r = 0.8: of the first 40, 0.95 of the mass lies in the first 14
    // (1 - 0.8^14 = 0.956, 1 - 0.8^13 = 0.945; over 1 - 0.8^40 = 0.99987), and 0.8^13 = 0.055 passes min-p.
    const logits = Float32Array.from({ length: 50 }, (_, i) => i * 0.8 * Math.log(0.8))
    const counts = frequencies({ ...plain, temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }, logits)
    const total = (1 - 0.8 ** 14) / 0.2
    expectDistribution(
      counts,
      counts.map((_, i) => (i < 14 ? 0.8 ** i / total : 0)),
    )
  })
})

describe('Sampler', () => {
  it('takes the most likely token at temperature 0, the lower id among equals', () => {
    const sampler = new Sampler({ ...plain, temperature: 0 }, 4)
    expect(sampler.sample(Float32Array.of(1, 3, 3, 2))).toBe(1)
  })

  it('penalises before it is greedy', () => {
    const sampler = new Sampler({ ...plain, temperature: 0, presencePenalty: 1.5 }, 3)
    sampler.accept(0)
    expect(sampler.sample(Float32Array.of(2, 1, 0))).toBe(1)
  })

  it('draws the same tokens for the same seed, and others for another', () => {
    const logits = logitsOf(shares)
    const draw = (seed: number) => {
      const sampler = new Sampler({ ...plain, seed }, 4)
      return Array.from({ length: 50 }, () => {
        const id = sampler.sample(logits)
        sampler.accept(id)
        return id
      })
    }
    expect(draw(5)).toEqual(draw(5))
    expect(draw(5)).not.toEqual(draw(6))
  })

  it('continues a reply replayed by accept as if it had drawn it', () => {
    const logits = logitsOf(mixed)
    const first = new Sampler(plain, 5)
    const ids = Array.from({ length: 30 }, () => {
      const id = first.sample(logits)
      first.accept(id)
      return id
    })
    const second = new Sampler(plain, 5)
    for (const id of ids.slice(0, 20)) second.accept(id)
    expect(second.sample(logits)).toBe(ids[20])
  })

  it('leaves the logits of the model as they are, masked or not', () => {
    const logits = logitsOf(shares)
    const before = logits.slice()
    const sampler = new Sampler({ ...plain, repetitionPenalty: 1.5, temperature: 0 }, 4)
    sampler.accept(0)
    const forbidTwo = (values: Float32Array) => values.fill(Number.NEGATIVE_INFINITY, 0, 2)
    expect(sampler.sample(logits, forbidTwo)).toBe(2)
    expect(logits).toEqual(before)
  })

  it.each([{}, { topK: 2 }, { topK: 4 }, { topP: 0.9 }, { minP: 0.1 }, { topP: 0 }])(
    'never draws a forbidden token with %j',
    (change) => {
      const sampler = new Sampler({ ...plain, ...change }, 6)
      const logits = Float32Array.of(-Infinity, 0, -Infinity, -Infinity, 0.5, -Infinity)
      for (let i = 0; i < 200; i++) {
        const id = sampler.sample(logits)
        expect([1, 4]).toContain(id)
        sampler.accept(id)
      }
    },
  )

  it.each([
    [Number.NaN, 'The logit of token 2 is not a number'],
    [Number.POSITIVE_INFINITY, 'The logit of token 2 is infinite'],
  ])('refuses a logit of %d', (bad, message) => {
    for (const change of [{ temperature: 0 }, { topK: 2 }, { topP: 0.5 }, {}]) {
      const sampler = new Sampler({ ...plain, ...change }, 4)
      const refused = expect(() => sampler.sample(Float32Array.of(1, 2, bad, 3)))
      refused.toThrow(EngineError)
      refused.toThrow(message)
    }
  })

  it('says so when a constraint leaves no token', () => {
    const sampler = new Sampler(plain, 2)
    const forbidAll = (logits: Float32Array) => logits.fill(-Infinity)
    const nothingAllowed = expect.objectContaining({ code: 'no-token-allowed', field: 'mask' })
    expect(() => sampler.sample(Float32Array.of(1, 2), forbidAll)).toThrow(nothingAllowed)
    expect(() => sampler.sample(Float32Array.of(-Infinity, 2), (logits) => logits.fill(-Infinity, 1))).toThrow(
      nothingAllowed,
    )
  })

  it('says so when the model leaves no token, whatever the constraint', () => {
    const sampler = new Sampler(plain, 2)
    const nothingPossible = expect.objectContaining({ code: 'kernel-failed', field: 'logits' })
    const logits = Float32Array.of(-Infinity, -Infinity)
    expect(() => sampler.sample(logits)).toThrow(nothingPossible)
    expect(() => sampler.sample(logits, (values) => values.fill(-Infinity))).toThrow(nothingPossible)
  })

  it.each([
    { temperature: -1 },
    { temperature: Number.NaN },
    { topK: 1.5 },
    { topK: -1 },
    { topP: 1.1 },
    { minP: -0.1 },
    { repetitionPenalty: 0 },
    { frequencyPenalty: 3 },
    { presencePenalty: -3 },
    { seed: -1 },
    { seed: 2 ** 60 },
  ])('refuses %j by name', (change) => {
    expect(() => new Sampler({ ...plain, ...change }, 4)).toThrow(OptionError)
    expect(() => new Sampler({ ...plain, ...change }, 4)).toThrow(Object.keys(change)[0])
  })

  it('agrees with sorting everything', () => {
    const settings = fc.record({
      temperature: fc.double({ min: 0.05, max: 3, noNaN: true }),
      topK: fc.constantFrom(0, 0, 1, 2, 5, 17, 1000),
      topP: fc.constantFrom(1, 0, 0.1, 0.5, 0.9, 0.99),
      minP: fc.constantFrom(0, 0.02, 0.3, 1),
      seed: fc.nat(),
    })
    const logits = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(settings, logits, (change, values) => {
        const all = { ...plain, ...change }
        const array = Float32Array.from(values)
        const allowed = keptBySorting(all, array)
        const drawn = new Sampler(all, array.length).sample(array)
        expect(allowed).toContain(drawn)
      }),
      { numRuns: 2000 },
    )
  })
})

/** Forbids all tokens but some. */
function allowOnly(allowed: ReadonlySet<number>) {
  return (logits: Float32Array) => {
    for (let id = 0; id < logits.length; id++) if (!allowed.has(id)) logits[id] = Number.NEGATIVE_INFINITY
  }
}

describe('a constraint', () => {
  it.each<[string, Partial<SamplingSettings>, number[]]>([
    // Of shares 0.4, 0.3, 0.2 and 0.1 the second and the last two.
    ['alone', {}, [0, 3 / 6, 2 / 6, 1 / 6]],
    ['with top-k 2', { topK: 2 }, [0, 3 / 5, 2 / 5, 0]],
    ['with top-p 0.8: 0.3 of 0.6 is short of it, 0.5 is not', { topP: 0.8 }, [0, 3 / 5, 2 / 5, 0]],
    ['with min-p 0.5: at least half of 0.3', { minP: 0.5 }, [0, 3 / 5, 2 / 5, 0]],
    ['with temperature 0.5: 9 + 4 + 1', { temperature: 0.5 }, [0, 9 / 14, 4 / 14, 1 / 14]],
  ])('leaves the others their probabilities: %s', (_, change, probabilities) => {
    const mask = allowOnly(new Set([1, 2, 3]))
    const counts = [0, 0, 0, 0]
    for (let seed = 0; seed < DRAWS; seed++)
      counts[new Sampler({ ...plain, ...change, seed }, 4).sample(logitsOf(shares), mask)]++
    expectDistribution(counts, probabilities)
  })

  it('draws what sorting the allowed tokens alone would keep', () => {
    const settings = fc.record({
      temperature: fc.constantFrom(0, 0.3, 1, 2),
      topK: fc.constantFrom(0, 0, 1, 2, 5, 17),
      topP: fc.constantFrom(1, 0, 0.1, 0.5, 0.9),
      minP: fc.constantFrom(0, 0.02, 0.3, 1),
      repetitionPenalty: fc.constantFrom(1, 1.3),
      seed: fc.nat(),
    })
    const tokens = fc.array(fc.tuple(fc.double({ min: -20, max: 20, noNaN: true }), fc.boolean()), { minLength: 1 })
    fc.assert(
      fc.property(settings, tokens, fc.nat(), (change, all, before) => {
        fc.pre(all.some(([, isAllowed]) => isAllowed))
        const given = { ...plain, ...change }
        const logits = Float32Array.from(all, ([logit]) => logit)
        const allowed = new Set(all.flatMap(([, isAllowed], id) => (isAllowed ? [id] : [])))
        const sampler = new Sampler(given, logits.length)
        const seen = before % logits.length
        sampler.accept(seen)
        const penalised = logits.slice()
        penalised[seen] *= penalised[seen] < 0 ? given.repetitionPenalty : 1 / given.repetitionPenalty
        const ids = [...allowed]
        const greedy = given.temperature === 0
        const rest = Float32Array.from(ids, (id) => penalised[id])
        const kept = keptBySorting(greedy ? { ...given, temperature: 1, topK: 1 } : given, rest)
        expect(kept.map((index) => ids[index])).toContain(sampler.sample(logits, allowOnly(allowed)))
      }),
      { numRuns: 2000 },
    )
  })

  it('that forbids nothing changes nothing', () => {
    const logits = logitsOf(mixed)
    for (const change of [{}, { topK: 3 }, { topP: 0.8 }, { temperature: 0 }]) {
      const [free, bound] = [new Sampler({ ...plain, ...change }, 5), new Sampler({ ...plain, ...change }, 5)]
      for (let i = 0; i < 100; i++) {
        const id = free.sample(logits)
        expect(bound.sample(logits, () => {})).toBe(id)
        free.accept(id)
        bound.accept(id)
      }
    }
  })
})

/** The definition, with a small allowance at the borders for rounding. */
function keptBySorting(settings: SamplingSettings, logits: Float32Array): number[] {
  const { temperature, topK, topP, minP } = settings
  let ids = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b)
  if (topK > 0) ids = ids.slice(0, topK)
  const weights = ids.map((id) => Math.exp((logits[id] - logits[ids[0]]) / temperature))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let mass = 0
  return ids.filter((_, i) => {
    const inside = i === 0 || (mass < topP * total * (1 + 1e-12) && weights[i] >= minP * (1 - 1e-12))
    mass += weights[i]
    return inside
  })
}

it('reaches every kept token: the draw covers the whole of [0, 1)', () => {
  const logits = logitsOf([0.25, 0.25, 0.25, 0.25])
  const sampler = new Sampler(plain, 4)
  for (let step = 0; step < 100; step++) {
    const id = sampler.sample(logits)
    expect(id).toBe(Math.floor(uniform(plain.seed, step) * 4))
    sampler.accept(id)
  }
})
