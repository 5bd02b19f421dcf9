/** Grows a byte string in the encodings of the WebAssembly binary format. */
export class ByteWriter {
  readonly bytes: number[] = []

  byte(value: number): void {
    this.bytes.push(value)
  }

  append(bytes: Iterable<number>): void {
    for (const byte of bytes) this.bytes.push(byte)
  }

  /** LEB128, unsigned. */
  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest > 127) {
      this.bytes.push((rest & 127) | 128)
      rest >>>= 7
    }
    this.bytes.push(rest)
  }

  /** LEB128 of 32 bits, signed. */
  signed(value: number): void {
    let rest = value | 0
    while (rest < -64 || rest > 63) {
      this.bytes.push((rest & 127) | 128)
      rest >>= 7
    }
    this.bytes.push(rest & 127)
  }

  float(value: number): void {
    this.append(new Uint8Array(new Float32Array([value]).buffer))
  }

  text(value: string): void {
    const encoded = new TextEncoder().encode(value)
    this.unsigned(encoded.length)
    this.append(encoded)
  }

  /** A part that is preceded by its length. */
  sized(part: ByteWriter): void {
    this.unsigned(part.bytes.length)
    this.append(part.bytes)
  }
}
