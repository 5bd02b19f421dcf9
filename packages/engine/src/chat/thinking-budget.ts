import type { ReasoningSplitter } from './reasoning.ts'
import type { ThinkingStyle } from './template.ts'

/** What is kept for the answer when a reply is bounded: a quarter of the room, but no more than a long page. */
const LARGEST_ANSWER_RESERVE = 1024

/**
 * The most tokens a thought may take so that the closing tag and at least a small answer fit behind it.
 * @param budget what the caller allows, in tokens; Infinity for no limit of its own.
 * @param room tokens the reply may have: the smaller of maxTokens and what is left of the context.
 * @param overhead tokens of the opening and closing tags.
 */
export function thoughtLimit(budget: number, room: number, overhead: number): number {
  const reserve = Math.min(LARGEST_ANSWER_RESERVE, Math.ceil(room / 4))
  return Math.max(0, Math.min(budget, room - overhead - reserve))
}

/**
 * Holds a thought to a number of tokens: when that many have come and the thought is still open, it names the tokens
 * that close it, after which the model goes on with its answer (Muennighoff et al. 2025, "s1: simple test-time
 * scaling").
 *
 * A token counts when the thought is open before and after it; of the closing tag's own tokens, those that could still
 * have been thought are taken off again once the tag is complete. Tokens that were forced count separately.
 */
export class ThinkingBudget {
  readonly #limit: number
  readonly #style: ThinkingStyle
  readonly #splitter: Pick<ReasoningSplitter, 'insideThought' | 'pending'>
  readonly #encode: (text: string) => ArrayLike<number>
  #wasInside: boolean
  /** Tokens that lie wholly inside what may be the beginning of the closing tag. */
  #inTag = 0
  #thought = 0
  #forced = 0

  /**
   * @param limit tokens, from `thoughtLimit`.
   * @param splitter of the same reply; every token's text is pushed to it before the token is accepted here.
   * @param encode the tokenizer's, with special tokens.
   */
  constructor(
    limit: number,
    style: ThinkingStyle,
    splitter: Pick<ReasoningSplitter, 'insideThought' | 'pending'>,
    encode: (text: string) => ArrayLike<number>,
  ) {
    this.#limit = limit
    this.#style = style
    this.#splitter = splitter
    this.#encode = encode
    this.#wasInside = splitter.insideThought
  }

  /** Tokens strictly between the tags that the model produced itself. Never more than the limit. */
  get thoughtTokens(): number {
    return this.#thought
  }

  /** Tokens put in to close the thought. */
  get forcedTokens(): number {
    return this.#forced
  }

  /**
   * Counts a token whose text the splitter has seen.
   * @param text what the token added to the stream; may be empty for part of a character.
   */
  accept(text: string, forced = false): void {
    const inside = this.#splitter.insideThought
    if (forced) this.#forced++
    if (this.#wasInside && inside && !forced) this.#count(text)
    if (this.#wasInside && !inside) this.#thought -= this.#inTag
    this.#wasInside = inside
  }

  /**
   * The tokens that must come next, in order; none while the thought may go on or is over. Give them all to the model,
   * the splitter and `accept` before asking again.
   */
  next(): readonly number[] {
    return this.#splitter.insideThought && this.#thought >= this.#limit ? this.close() : []
  }

  /** The tokens that close the thought where it stands. */
  close(): readonly number[] {
    return Array.from(this.#encode(this.#closing()))
  }

  #count(text: string): void {
    this.#thought++
    const partial = this.#partialClose().length
    if (partial === 0 || partial < text.length) this.#inTag = 0
    else this.#inTag = partial === text.length ? 1 : this.#inTag + 1
  }

  /** The closing tag on a line of its own, continuing what the model has already written of it. */
  #closing(): string {
    const { tags, afterClose } = this.#style
    const partial = this.#partialClose()
    if (partial !== '') return tags.close.slice(partial.length) + afterClose
    return (this.#splitter.pending.endsWith('\n') ? '' : '\n') + tags.close + afterClose
  }

  #partialClose(): string {
    const visible = this.#splitter.pending.trimStart()
    return this.#style.tags.close.startsWith(visible) ? visible : ''
  }
}
