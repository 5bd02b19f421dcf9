/** A token that is found in text as it is, before any splitting and merging: `<|im_start|>`, `<think>`. */
export interface AddedToken {
  readonly id: number
  readonly text: string
  /** A control token: not part of the text a person reads. */
  readonly special: boolean
  /** Only where no letter, digit or underscore touches it. */
  readonly singleWord?: boolean
  /** Takes the white space before it along. */
  readonly leftStrip?: boolean
  /** Takes the white space after it along. */
  readonly rightStrip?: boolean
  /** Searched for after the text has been normalised, in this form, and not before. */
  readonly normalized?: string | undefined
}

const ENDS_WITH_WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const STARTS_WITH_WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u
const SPACE_AT_START = /\p{White_Space}*/uy
const WHITE_SPACE = /^\p{White_Space}$/u

/**
 * Finds added tokens in text: from left to right, the longest first where several begin at one place, as in the
 * tokenizers of Hugging Face.
 */
export class AddedTokens {
  readonly #byText: ReadonlyMap<string, AddedToken>
  readonly #pattern: RegExp | undefined

  constructor(tokens: readonly AddedToken[]) {
    this.#byText = new Map(tokens.filter(({ text }) => text !== '').map((token) => [token.text, token]))
    const texts = [...this.#byText.keys()].sort((a, b) => b.length - a.length)
    if (texts.length > 0) this.#pattern = new RegExp(texts.map(escaped).join('|'), 'gu')
  }

  /**
   * Calls back with the pieces of a text in order: an added token's id, or a text without added tokens and where that
   * began.
   * @param special whether special tokens are found; those that are not stay text.
   */
  split(
    text: string,
    special: boolean,
    onText: (text: string, start: number) => void,
    onToken: (id: number) => void,
  ): void {
    let done = 0
    if (this.#pattern !== undefined) {
      this.#pattern.lastIndex = 0
      for (let match = this.#pattern.exec(text); match !== null; match = this.#pattern.exec(text)) {
        const token = this.#byText.get(match[0])
        const end = match.index + match[0].length
        if (token === undefined || (token.special && !special)) continue
        if (token.singleWord && touchesWord(text, match.index, end)) continue
        const start = Math.max(done, token.leftStrip ? beforeSpace(text, match.index) : match.index)
        if (start > done) onText(text.slice(done, start), done)
        onToken(token.id)
        done = token.rightStrip ? afterSpace(text, end) : end
        this.#pattern.lastIndex = done
      }
    }
    if (done < text.length) onText(text.slice(done), done)
  }
}

function escaped(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&')
}

function touchesWord(text: string, start: number, end: number): boolean {
  // Two units hold any character; half of one before it does no harm.
  return (
    ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) || STARTS_WITH_WORD.test(text.slice(end, end + 2))
  )
}

function beforeSpace(text: string, end: number): number {
  while (end > 0 && WHITE_SPACE.test(text[end - 1] ?? '')) end--
  return end
}

function afterSpace(text: string, start: number): number {
  SPACE_AT_START.lastIndex = start
  return start + (SPACE_AT_START.exec(text)?.[0].length ?? 0)
}
