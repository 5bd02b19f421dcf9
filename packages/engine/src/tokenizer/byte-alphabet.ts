const UNKNOWN = -1

/** The printable characters of Latin-1 that stand for themselves: `!` to `~`, `¡` to `¬`, `®` to `ÿ`. */
function standsForItself(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
}

/**
 * GPT-2's way of writing any bytes as visible text, which byte-level vocabularies are stored in: printable characters
 * of Latin-1 stand for themselves, the other 68 bytes are U+0100 upward in order, so that a space is `Ġ` (U+0120).
 */
export const CODE_OF_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => byte)
for (let byte = 0, code = 0x100; byte < 256; byte++) if (!standsForItself(byte)) CODE_OF_BYTE[byte] = code++

const BYTE_OF_CODE = new Int16Array(0x144).fill(UNKNOWN)
CODE_OF_BYTE.forEach((code, byte) => {
  BYTE_OF_CODE[code] = byte
})

/**
 * Writes the bytes that `source[start..end)`, UTF-8 text in the byte alphabet, stands for into `target` from `at` on.
 * Returns where they end, or -1 where a character is not of the alphabet. The target needs room for end - start bytes.
 */
export function decodeByteAlphabet(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  for (let i = start; i < end; i++) {
    let code = source[i] ?? 0
    // The alphabet ends at U+0143: two bytes at most, led by C2 to C5. A longer lead gives a code beyond the table.
    if (code >= 0x80) code = code < 0xe0 && i + 1 < end ? ((code & 0x1f) << 6) | ((source[++i] ?? 0) & 0x3f) : 0xffff
    const byte = code < BYTE_OF_CODE.length ? (BYTE_OF_CODE[code] ?? UNKNOWN) : UNKNOWN
    if (byte === UNKNOWN) return UNKNOWN
    target[at++] = byte
  }
  return at
}
