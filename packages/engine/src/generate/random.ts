/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a random
 * function of (key, counter) without a state, so that a draw can be repeated, skipped to or forked by its number alone.
 * All words are unsigned 32-bit integers.
 */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = highHalf(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0) >>> 0
    const high1 = highHalf(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** The upper 32 bits of a 32 x 32-bit product, in 16-bit pieces because doubles hold only 53 bits. */
function highHalf(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carried = aLow * bHigh + (middle % 0x10000)
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000)) >>> 0
}

/** Draw number `step` of `seed`: uniform in [0, 1), all 53 bits of a double. Both are whole numbers below 2^53. */
export function uniform(seed: number, step: number): number {
  const [a, b] = philox([step >>> 0, high(step), 0, 0], [seed >>> 0, high(seed)])
  return ((a >>> 5) * 0x4000000 + (b >>> 6)) / 0x20000000000000
}

function high(value: number): number {
  return Math.floor(value / 0x100000000)
}

/** A seed nobody chose, short enough for a person to type again. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]
}
