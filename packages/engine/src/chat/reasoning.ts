import { partialTag } from './partial-tag.ts'
import type { ThoughtTags } from './thought-tags.ts'

/** A piece of a reply, in the vocabulary of the AI SDK. */
export type ReplyDelta =
  | { readonly type: 'reasoning-delta'; readonly text: string }
  | { readonly type: 'text-delta'; readonly text: string }

/** Where a reply stands: before anything visible, in the thought, in the blanks behind it, or in the answer. */
type Place = 'start' | 'thought' | 'behind' | 'answer'

/**
 * Splits the text of a reply, as it streams, into the model's thought and its answer. Tags are found in the text, so
 * it makes no difference whether they are single tokens or spelled in several; no part of a tag is ever shown.
 *
 * A reply has at most one thought, at its beginning: the prompt has opened it, or the reply's first visible characters
 * are the opening tag. Later tags, and a closing tag without an opening one, are ordinary text. Blanks at both ends of
 * the thought and before the answer that follows it belong to the format and are dropped; an empty thought gives
 * no event at all.
 */
export class ReasoningSplitter {
  readonly #tags: ThoughtTags | undefined
  #place: Place
  /** Text not yet shown: blanks that may be dropped, or the beginning of what may be a tag. */
  #held = ''
  /** The thought has shown something, so blanks inside it count. */
  #thinking = false

  /**
   * @param tags undefined where no thought is to be looked for: a model that does not think, or one asked not to. All
   *   is answer then, a thought that the model opens nevertheless included.
   * @param insideThought the prompt has already opened the thought.
   */
  constructor(tags: ThoughtTags | undefined, insideThought = false) {
    this.#tags = tags
    this.#place = tags === undefined ? 'answer' : insideThought ? 'thought' : 'start'
  }

  /** The thought is open: what comes next belongs to it, unless it is the closing tag. */
  get insideThought(): boolean {
    return this.#place === 'thought'
  }

  /** The end of the text so far that is held back. Inside a thought: blanks, or the beginning of a closing tag. */
  get pending(): string {
    return this.#held
  }

  /** Takes the next piece of text; answers what can be shown now, in order. */
  push(piece: string): ReplyDelta[] {
    const deltas: ReplyDelta[] = []
    if (piece === '') return deltas
    this.#held += piece
    if (this.#tags === undefined) this.#show(deltas, 'text-delta', this.#held.length)
    else while (this.#advance(deltas, this.#tags));
    return deltas
  }

  /** What is left to show when the reply is over. */
  flush(): ReplyDelta[] {
    const deltas: ReplyDelta[] = []
    if (this.#place === 'thought') this.#show(deltas, 'reasoning-delta', this.#held.trimEnd().length)
    else if (this.#place !== 'behind') this.#show(deltas, 'text-delta', this.#held.length)
    this.#held = ''
    return deltas
  }

  /** One step; true when the place has changed and there may be more to do. */
  #advance(deltas: ReplyDelta[], tags: ThoughtTags): boolean {
    switch (this.#place) {
      case 'start':
        return this.#look(tags.open, 'thought', 'answer')
      case 'thought':
        return this.#think(deltas, tags)
      case 'behind':
        this.#held = this.#held.trimStart()
        if (this.#held === '') return false
        this.#place = 'answer'
        return true
      case 'answer':
        this.#show(deltas, 'text-delta', this.#held.length)
        return false
    }
  }

  /** Decides whether the first visible characters are the tag, as soon as they can no longer be anything else. */
  #look(tag: string, then: Place, otherwise: Place): boolean {
    const visible = this.#held.trimStart()
    if (visible.length < tag.length && tag.startsWith(visible)) return false
    const found = visible.startsWith(tag)
    if (found) this.#held = visible.slice(tag.length)
    this.#place = found ? then : otherwise
    return true
  }

  #think(deltas: ReplyDelta[], tags: ThoughtTags): boolean {
    if (!this.#thinking) {
      this.#held = this.#held.trimStart()
      // Models whose prompt opens the thought now and then open it once more.
      while (this.#held.startsWith(tags.open)) this.#held = this.#held.slice(tags.open.length).trimStart()
      if (tags.open.startsWith(this.#held)) return false
    }
    const end = this.#held.indexOf(tags.close)
    if (end >= 0) {
      const rest = this.#held.slice(end + tags.close.length)
      this.#show(deltas, 'reasoning-delta', this.#held.slice(0, end).trimEnd().length)
      this.#held = rest
      this.#place = 'behind'
      return true
    }
    const partial = partialTag(this.#held, tags.close)
    this.#show(deltas, 'reasoning-delta', this.#held.slice(0, this.#held.length - partial).trimEnd().length)
    return false
  }

  #show(deltas: ReplyDelta[], type: ReplyDelta['type'], length: number): void {
    if (length === 0) return
    const text = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    if (type === 'reasoning-delta') this.#thinking = true
    deltas.push({ type, text })
  }
}
