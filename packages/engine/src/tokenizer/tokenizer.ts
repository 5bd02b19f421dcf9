export interface EncodeOptions {
  /**
   * Parse the texts of special tokens (`<|im_start|>`) as those tokens; default true. Text of a user that must not turn
   * into control tokens is encoded with false. Added tokens that are not special (`<think>` in Qwen 3) are found either
   * way, as in Hugging Face and llama.cpp.
   */
  readonly special?: boolean | undefined
  /** Put the `beginning` token first, if there is one; default false. */
  readonly beginning?: boolean | undefined
}

export interface DecodeOptions {
  /** Keep the texts of special tokens; default true. */
  readonly special?: boolean | undefined
  /** Other text comes before these tokens: keep the space that a tokenizer with `stripsSpace` leaves out; default false. */
  readonly continues?: boolean | undefined
}

/** Text <-> token ids. Every kind of tokenizer the engine reads implements this. */
export interface Tokenizer {
  /** Ids the tokenizer knows, added tokens included. The model's table may be larger (padding rows). */
  readonly size: number
  /** A text begins with a space that was not there before it was encoded: `decode` leaves one out. */
  readonly stripsSpace: boolean
  /** Put before every prompt that starts a sequence, when the checkpoint says so. */
  readonly beginning: number | undefined
  /** Ids that end a reply (end of text, end of turn), in no order. */
  readonly ends: ReadonlySet<number>
  /** The strings chat templates ask for: bos_token, eos_token, pad_token, unk_token. */
  readonly specialTokens: ReadonlyMap<string, string>

  /** @throws TokenizerError `invalid-option` when a word is tens of millions of characters long. */
  encode(text: string, options?: EncodeOptions): Int32Array
  /** Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  /** The bytes a token stands for; a special token's are its text in UTF-8. Empty for unknown ids. */
  bytes(id: number): Uint8Array
  /** The id of an added or ordinary token whose text is exactly this. */
  idOf(token: string): number | undefined
  /** Control tokens: not part of the text a person reads. */
  isSpecial(id: number): boolean
}
