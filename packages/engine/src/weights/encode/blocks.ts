/** Encodes the block of `values` from element `first` on into `target` from byte `block` on. All values are finite. */
export type EncodeBlock = (values: Float32Array, first: number, target: Uint8Array, block: number) => void

/** Encodes `values` into `target` from byte `offset` on. */
export type Encode = (values: Float32Array, target: Uint8Array, offset: number) => void

/** Block after block. */
export function inBlocks(blockLength: number, blockBytes: number, encodeBlock: EncodeBlock): Encode {
  return (values, target, offset) => {
    for (let first = 0, block = offset; first < values.length; first += blockLength, block += blockBytes) {
      encodeBlock(values, first, target, block)
    }
  }
}

/** Writes a 16-bit number, little-endian. */
export function putU16(target: Uint8Array, at: number, value: number): void {
  target[at] = value
  target[at + 1] = value >>> 8
}
