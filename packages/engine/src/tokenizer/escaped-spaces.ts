/** U+2581, LOWER ONE EIGHTH BLOCK: how SentencePiece writes a space within a token. */
export const ESCAPED_SPACE = '\u2581'

const FIRST = 0xe2
const SECOND = 0x96
const THIRD = 0x81

/**
 * Writes `source[start..end)`, UTF-8 text in which U+2581 stands for a space, as plain text into `target` from `at` on.
 * Returns where it ends. The target needs room for end - start bytes.
 */
export function decodeEscapedSpaces(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  for (let i = start; i < end; i++) {
    const byte = source[i] ?? 0
    if (byte === FIRST && source[i + 1] === SECOND && source[i + 2] === THIRD && i + 2 < end) {
      target[at++] = 0x20
      i += 2
    } else {
      target[at++] = byte
    }
  }
  return at
}
