/** Decodes one block of `stored` from byte `block` on into `target` from element `first` on. */
export type DecodeBlock = (stored: Uint8Array, block: number, target: Float32Array, first: number) => void

/** Decodes `target.length` elements stored from byte `offset` of `stored` on. */
export type Decode = (stored: Uint8Array, offset: number, target: Float32Array) => void

/** Block after block. */
export function inBlocks(blockLength: number, blockBytes: number, decodeBlock: DecodeBlock): Decode {
  return (stored, offset, target) => {
    for (let first = 0, block = offset; first < target.length; first += blockLength, block += blockBytes) {
      decodeBlock(stored, block, target, first)
    }
  }
}

/** The little-endian 16-bit number at `at`. */
export function u16(stored: Uint8Array, at: number): number {
  return stored[at] | (stored[at + 1] << 8)
}

/** The little-endian 32-bit number at `at`. */
export function u32(stored: Uint8Array, at: number): number {
  return (u16(stored, at) | (u16(stored, at + 2) << 16)) >>> 0
}

/** A byte as a signed number. */
export function signed(byte: number): number {
  return (byte << 24) >> 24
}
