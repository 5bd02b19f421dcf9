/** What a small SentencePiece model has beside its tokens of bytes. */
export interface SentencePieceParts {
  /** Numbers of TrainerSpec by field; of the kind BPE otherwise. */
  readonly trainer?: Readonly<Record<number, number>>
  /** Numbers of NormalizerSpec by field. */
  readonly normalizer?: Readonly<Record<number, number>>
  /** Text and type of pieces after the others. */
  readonly typed?: readonly (readonly [text: string, type: number])[]
}

/** A model with <unk>, <s>, </s>, the 256 bytes (ids 3 to 258) and these pieces with their scores (from 259 on). */
export function sentencePieceModel(
  pieces: readonly (readonly [text: string, score: number])[],
  { trainer = {}, normalizer = {}, typed = [] }: SentencePieceParts = {},
): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, byte) => {
    return piece(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 0, 6)
  })
  return Uint8Array.from([
    ...[piece('<unk>', 0, 2), piece('<s>', 0, 3), piece('</s>', 0, 3), ...bytes].flat(),
    ...pieces.flatMap(([text, score]) => piece(text, score, 1)),
    ...typed.flatMap(([text, type]) => piece(text, 0, type)),
    ...message(2, numbers({ 3: 2, 40: 0, 41: 1, 42: 2, ...trainer })),
    ...message(3, numbers({ 3: 1, 4: 0, ...normalizer })),
  ])
}

function piece(text: string, score: number, type: number): number[] {
  const float = new Uint8Array(Float32Array.of(score).buffer)
  return message(1, [...message(1, [...new TextEncoder().encode(text)]), 2 * 8 + 5, ...float, 3 * 8, type])
}

function message(field: number, bytes: readonly number[]): number[] {
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]
}

function numbers(fields: Readonly<Record<number, number>>): number[] {
  return Object.entries(fields).flatMap(([field, value]) => [...varint(Number(field) * 8), ...varint(value)])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}
