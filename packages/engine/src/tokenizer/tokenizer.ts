/** Text <-> token ids. Every kind of tokenizer the engine reads implements this. */
export interface Tokenizer {
  /** Ids the tokenizer knows, added tokens included. The model's table may be larger (padding rows). */
  readonly size: number
  /** Put before every prompt that starts a sequence, when the checkpoint says so. */
  readonly beginning: number | undefined
  /** Ids that end a reply (end of text, end of turn), in no order. */
  readonly ends: ReadonlySet<number>
  /** The strings chat templates ask for: bos_token, eos_token, pad_token, unk_token. */
  readonly specialTokens: ReadonlyMap<string, string>

  /**
   * @param options.special parse the texts of special tokens (`<|im_start|>`) as those tokens; default true. Text of
   *   a user that must not turn into control tokens is encoded with false. Added tokens that are not special
   *   (`<think>` in Qwen 3) are found either way, as in Hugging Face and llama.cpp.
   * @param options.beginning put the `beginning` token first, if there is one; default false.
   * @throws TokenizerError `invalid-option` when a word is tens of millions of characters long.
   */
  encode(text: string, options?: { special?: boolean; beginning?: boolean }): Int32Array
  /** Bytes that are no UTF-8 become U+FFFD. @param options.special keep the texts of special tokens; default true. */
  decode(ids: ArrayLike<number>, options?: { special?: boolean }): string
  /** The bytes a token stands for; a special token's are its text in UTF-8. Empty for unknown ids. */
  bytes(id: number): Uint8Array
  /** The id of an added or ordinary token whose text is exactly this. */
  idOf(token: string): number | undefined
  /** Control tokens: not part of the text a person reads. */
  isSpecial(id: number): boolean
}
