/** Uniform in [0, limit). The generator is splitmix32. */
export type Random = (limit: number) => number

export function seeded(seed: number): Random {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * limit)
  }
}

export type Mutate = (file: Uint8Array, headerLength: number, random: Random) => Uint8Array

const INTERESTING = [
  0n,
  1n,
  7n,
  0x7fn,
  0xffn,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 60n,
  2n ** 63n,
  2n ** 64n - 1n,
]

/** Faults within the first `headerLength` bytes of a file of over 16 bytes, which they may change in place. */
export const MUTATIONS: { readonly [name: string]: Mutate } = {
  'flips a bit': (file, headerLength, random) => {
    file[random(headerLength)] ^= 1 << random(8)
    return file
  },
  'sets a byte': (file, headerLength, random) => {
    file[random(headerLength)] = random(256)
    return file
  },
  truncates: (file, headerLength, random) => file.subarray(0, random(random(2) ? headerLength : file.length)),
  'writes a number over it': (file, headerLength, random) => {
    const view = new DataView(file.buffer, file.byteOffset)
    const at = random(headerLength - 8)
    const value = INTERESTING[random(INTERESTING.length)]
    if (random(2)) view.setBigUint64(at, value, true)
    else view.setUint32(at, Number(BigInt.asUintN(32, value)), true)
    return file
  },
  'swaps two fields': (file, headerLength, random) => {
    const length = [1, 4, 8, 16][random(4)]
    const [a, b] = [random(headerLength - length), random(headerLength - length)]
    const first = file.slice(a, a + length)
    file.copyWithin(a, b, b + length)
    file.set(first, b)
    return file
  },
  'removes some bytes': (file, headerLength, random) => {
    const at = random(headerLength)
    const count = 1 + random(16)
    file.copyWithin(at, at + count)
    return file.subarray(0, file.length - count)
  },
  'repeats some bytes': (file, headerLength, random) => {
    const at = random(headerLength)
    const count = 1 + random(64)
    const longer = new Uint8Array(file.length + count)
    longer.set(file.subarray(0, at + count))
    longer.set(file.subarray(at), at + count)
    return longer
  },
}

/** A copy of a file with one to three faults within its first `headerLength` bytes. */
export function mutated(file: Uint8Array, headerLength: number, random: Random): Uint8Array {
  const all = Object.values(MUTATIONS)
  let copy = file.slice()
  for (let times = 1 + random(3); times > 0; times--) {
    const mutate = all[random(all.length)]
    if (copy.length > 32) copy = mutate(copy, Math.min(headerLength, copy.length), random).slice()
  }
  return copy
}
