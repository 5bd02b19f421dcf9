import type { RotaryConfig, RotaryScaling } from '../config.ts'
import type { Rotation } from './self-attention.ts'

/**
 * The angle a position adds to each pair of dimensions, and the factor on cosine and sine.
 * Computed in float64, kept in float32.
 */
export function rotaryFrequencies(config: RotaryConfig): Rotation {
  const { dimensions, base, scaling } = config
  const plain = Array.from({ length: dimensions / 2 }, (_, i) => base ** ((-2 * i) / dimensions))
  const scaled = plain.map((frequency, i) => scale(frequency, i, scaling, config))
  return {
    inverseFrequencies: Float32Array.from(scaled),
    magnitude: scaling.type === 'yarn' ? scaling.magnitude : 1,
  }
}

function scale(frequency: number, pair: number, scaling: RotaryScaling, config: RotaryConfig): number {
  switch (scaling.type) {
    case 'none':
      return frequency
    case 'linear':
      return frequency / scaling.factor
    case 'divisors':
      return frequency / scaling.divisors[pair]
    case 'llama3':
      return llama3Frequency(frequency, scaling)
    case 'yarn':
      return yarnFrequency(frequency, pair, scaling, config)
  }
}

/** Llama 3.1's scaling: long waves are stretched, short ones kept, those between blended (Meta, llama-models). */
function llama3Frequency(frequency: number, scaling: Extract<RotaryScaling, { type: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength } = scaling
  const wavelength = (2 * Math.PI) / frequency
  if (wavelength < originalContextLength / high) return frequency
  if (wavelength > originalContextLength / low) return frequency / factor
  // Revisions with low = high leave nothing to blend.
  const keep = high === low ? 1 : (originalContextLength / wavelength - low) / (high - low)
  return ((1 - keep) * frequency) / factor + keep * frequency
}

/** YaRN (arXiv 2309.00071): pairs that turn often are kept, those that turn less than once are interpolated. */
function yarnFrequency(
  frequency: number,
  pair: number,
  scaling: Extract<RotaryScaling, { type: 'yarn' }>,
  { dimensions, base }: RotaryConfig,
): number {
  const pairOfTurns = (turns: number) =>
    (dimensions * Math.log(scaling.originalContextLength / (2 * Math.PI * turns))) / (2 * Math.log(base))
  let low = pairOfTurns(scaling.betaFast)
  let high = pairOfTurns(scaling.betaSlow)
  if (scaling.truncate) {
    low = Math.floor(low)
    high = Math.ceil(high)
  }
  low = Math.max(low, 0)
  high = Math.min(high, dimensions - 1)
  const ramp = Math.min(Math.max((pair - low) / Math.max(0.001, high - low), 0), 1)
  return (frequency / scaling.factor) * ramp + frequency * (1 - ramp)
}

/** YaRN's attention factor for a stretch of `factor`. */
export function yarnMagnitude(factor: number, multiplier = 1): number {
  return factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1
}

/** What each plain frequency is divided by, [dimensions / 2]: how GGUF holds Llama 3's scaling. */
export function rotaryDivisors(config: RotaryConfig): Float32Array {
  const { dimensions, base, scaling } = config
  return Float32Array.from({ length: dimensions / 2 }, (_, i) => {
    const plain = base ** ((-2 * i) / dimensions)
    return plain / scale(plain, i, scaling, config)
  })
}
