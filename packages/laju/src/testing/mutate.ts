/** Draws whole numbers below a limit, the same ones for the same seed. */
export type Draw = (limit: number) => number

/** The generator "mulberry32": small, and good enough to spread faults over a header. */
export function seededDraw(seed: number): Draw {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

const LIES = [0n, 1n, 255n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 60n, 2n ** 63n, 2n ** 64n - 1n]

/** One to three faults within the first `header` bytes of a copy of `file`, as broken or hostile files have them. */
export function mutate(file: Uint8Array, header: number, draw: Draw): Uint8Array {
  let broken = file
  for (let faults = 1 + draw(3); faults > 0; faults--)
    broken = FAULTS[draw(FAULTS.length)]?.(broken, header, draw) ?? broken
  return broken
}

type Fault = (file: Uint8Array, header: number, draw: Draw) => Uint8Array

const FAULTS: readonly Fault[] = [
  function otherByte(file, header, draw) {
    return changed(file, (bytes) => bytes.setUint8(place(file, header, draw, 1), draw(256)))
  },
  function lyingNumber(file, header, draw) {
    const lie = LIES[draw(LIES.length)] ?? 0n
    return changed(file, (bytes) => bytes.setBigUint64(place(file, header, draw, 8), lie, true))
  },
  function otherDigit(file, header, draw) {
    const digits = [...file.subarray(0, header).entries()].filter(([, byte]) => byte >= 0x30 && byte <= 0x39)
    const [index = 0] = digits[draw(digits.length || 1)] ?? []
    return changed(file, (bytes) => bytes.setUint8(index, 0x30 + draw(10)))
  },
  function cutOff(file, header, draw) {
    return file.subarray(0, draw(header))
  },
  function lostBytes(file, header, draw) {
    const at = draw(header)
    return joined(file.subarray(0, at), file.subarray(at + 1 + draw(40)))
  },
  function repeatedBytes(file, header, draw) {
    const at = draw(header)
    return joined(file.subarray(0, at + 1 + draw(40)), file.subarray(at))
  },
]

function place(file: Uint8Array, header: number, draw: Draw, length: number): number {
  return draw(Math.max(1, Math.min(header, file.length) - length))
}

/** Files too short for the change stay as they are. */
function changed(file: Uint8Array, change: (bytes: DataView) => void): Uint8Array {
  const copy = new Uint8Array(file)
  if (copy.length >= 8) change(new DataView(copy.buffer))
  return copy
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
