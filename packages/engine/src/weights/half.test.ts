import { describe, expect, it } from 'vitest'
import { floatToHalf, halfToFloat, halfToFloatBits } from './half.ts'

/** From the definition, without bit tricks. */
function valueOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = (half & 1023) / 1024
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction)
}

function isNaNHalf(half: number): boolean {
  return (half & 0x7fff) > 0x7c00
}

/** The float32 `steps` places above (or below) a positive one. */
function neighbour(value: number, steps: number): number {
  const float = Float32Array.of(value)
  new Uint32Array(float.buffer)[0] += steps
  return float[0]
}

describe('half precision', () => {
  it('decodes all 65,536 halves', () => {
    for (let half = 0; half < 65_536; half++) {
      if (!Object.is(halfToFloat(half), valueOfHalf(half))) expect.fail(`half ${half} is ${halfToFloat(half)}`)
    }
  })

  it('encodes every half as itself', () => {
    for (let half = 0; half < 65_536; half++) {
      const back = floatToHalf(halfToFloat(half))
      // A NaN may become quiet on its way through a float.
      const same = isNaNHalf(half) ? (back | 0x200) === (half | 0x200) : back === half
      if (!same) expect.fail(`half ${half} comes back as ${back}`)
    }
  })

  it('keeps the payload of NaNs', () => {
    expect(halfToFloatBits(0x7c01)).toBe(0x7f802000)
    expect(halfToFloatBits(0xffff)).toBe(0xffffe000)
  })

  it('rounds to the nearest, ties to even, between all neighbours', () => {
    for (let half = 0; half < 0x7c00; half++) {
      const above = half + 1
      // Where infinity would be, were there one more exponent, for the last pair.
      const upper = above === 0x7c00 ? 65_536 : halfToFloat(above)
      const middle = (halfToFloat(half) + upper) / 2
      const even = half % 2 === 0 ? half : above
      const got = [floatToHalf(neighbour(middle, -1)), floatToHalf(middle), floatToHalf(neighbour(middle, 1))]
      if (got[0] !== half || got[1] !== even || got[2] !== above) expect.fail(`above half ${half}: ${got}`)
      if (floatToHalf(-middle) !== (even | 0x8000)) expect.fail(`below half -${half}`)
    }
  })

  it('encodes what is too large or too small', () => {
    expect(floatToHalf(1e30)).toBe(0x7c00)
    expect(floatToHalf(Number.NEGATIVE_INFINITY)).toBe(0xfc00)
    expect(floatToHalf(1e-40)).toBe(0)
    expect(floatToHalf(-0)).toBe(0x8000)
    expect(isNaNHalf(floatToHalf(Number.NaN))).toBe(true)
  })
})
