/** Well-formed `text[start..end)` in UTF-8, into a target with room for three bytes a unit. Returns the length. */
export function writeUtf8(text: string, start: number, end: number, target: Uint8Array): number {
  let at = 0
  for (let i = start; i < end; i++) {
    const code = text.codePointAt(i) ?? 0
    if (code < 0x80) {
      target[at++] = code
    } else if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6)
      target[at++] = 0x80 | (code & 0x3f)
    } else if (code < 0x10000) {
      target[at++] = 0xe0 | (code >> 12)
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
      target[at++] = 0x80 | (code & 0x3f)
    } else {
      i++
      target[at++] = 0xf0 | (code >> 18)
      target[at++] = 0x80 | ((code >> 12) & 0x3f)
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
      target[at++] = 0x80 | (code & 0x3f)
    }
  }
  return at
}

/** How many bytes the character has that begins with this byte of well-formed UTF-8; 1 for any other byte. */
export function utf8Length(byte: number): number {
  if (byte < 0xc0) return 1
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
}
