import type { DecodeOptions, Tokenizer } from './tokenizer.ts'

/**
 * Tokens in, text out, as tokens arrive. A token may end within a character: its bytes are held back until the rest
 * of the character comes, so that no half of one is ever seen. All that comes out, joined, is what `decode` makes of
 * all tokens together, also where bytes are no text at all (U+FFFD).
 */
export class TextStream {
  readonly #tokenizer: Tokenizer
  readonly #special: boolean
  /** A space at the very start of the text is left out. */
  readonly #strips: boolean
  #begun = false
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** @param options as those of `decode`. */
  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer
    this.#special = options.special ?? true
    this.#strips = tokenizer.stripsSpace && options.continues !== true
  }

  /** The text that this token completes; often empty in scripts whose characters take several tokens. */
  push(id: number): string {
    if (!this.#special && this.#tokenizer.isSpecial(id)) return ''
    return this.#stripped(this.#decoder.decode(this.#tokenizer.bytes(id), { stream: true }))
  }

  /** The end: U+FFFD if bytes are still held back, else nothing. The stream can then be used again. */
  flush(): string {
    const rest = this.#decoder.decode()
    this.#begun = false
    return rest
  }

  #stripped(text: string): string {
    if (this.#begun || text === '') return text
    this.#begun = true
    return this.#strips && text.startsWith(' ') ? text.slice(1) : text
  }
}
