import { partialTag } from './partial-tag.ts'
import type { ParsedCall, ToolForm } from './tool-forms.ts'
import { type ToolCall, toolCallId } from './tools.ts'

export type AnswerPart =
  | { readonly type: 'text-delta'; readonly text: string }
  | ({ readonly type: 'tool-call' } & ToolCall)

/** Where an answer stands: before anything visible, in text, in what may be a call without a tag, in a call, behind one. */
type Place = 'start' | 'text' | 'bare' | 'call' | 'behind'

/** The keys that a call without a tag may begin with, and those that may follow the name. */
const FIRST_KEYS = ['"name"', '"type"']
const NEXT_KEYS = ['"parameters"', '"arguments"', '"type"']
/** Names are shorter than this, in characters. */
const LONGEST_BEGINNING = 300

/**
 * Splits the text of an answer, as it streams, into what a person should read and the function calls in it. Nothing of
 * a call is ever shown as text.
 *
 * What opens with a tag is a call, whatever follows: one that cannot be read comes as an invalid call. It ends at its
 * closing tag (one inside a JSON string does not count, unless no other comes), at the next opening tag, or with the
 * reply. A JSON object at the beginning of a reply, in the form that has calls without tags, is a call when it has a
 * name and an object of arguments; cut off before its end it is an invalid call if it shows a name first. All else is
 * text, also an opening tag that is itself cut off. Blanks around calls belong to the format and are dropped.
 */
export class ToolCallSplitter {
  readonly #form: ToolForm
  readonly #anywhere: readonly string[]
  #nextNumber: number
  #place: Place
  #held = ''
  #json = new JsonProgress()

  /** @param firstNumber how many calls the conversation has seen */
  constructor(form: ToolForm, firstNumber = 0) {
    this.#form = form
    this.#anywhere = [form.open, ...form.section]
    this.#nextNumber = firstNumber
    this.#place = form.bare ? 'start' : 'text'
  }

  /** Takes the next piece of text; answers what can be told now, in order. */
  push(piece: string): AnswerPart[] {
    const parts: AnswerPart[] = []
    this.#held += piece
    while (this.#advance(parts));
    return parts
  }

  /** What is left to tell when the reply is over. */
  flush(): AnswerPart[] {
    const parts: AnswerPart[] = []
    while (this.#place === 'call' || this.#place === 'bare') {
      this.#endCut(parts)
      while (this.#advance(parts));
    }
    show(parts, this.#place === 'behind' ? this.#held.trimStart() : this.#held)
    this.#held = ''
    return parts
  }

  /** One step; true when the place has changed and there may be more to do. */
  #advance(parts: AnswerPart[]): boolean {
    switch (this.#place) {
      case 'start':
        return this.#begin()
      case 'text':
        return this.#read(parts)
      case 'bare':
        return this.#tryBare(parts)
      case 'call':
        return this.#call(parts)
      case 'behind':
        return this.#goOn()
    }
  }

  #begin(): boolean {
    const visible = this.#held.trimStart()
    if (visible === '') return false
    return this.#enter(visible.startsWith('{') ? 'bare' : 'text')
  }

  #read(parts: AnswerPart[]): boolean {
    const [at, tag] = firstOf(this.#held, this.#anywhere)
    if (tag !== undefined) {
      show(parts, this.#held.slice(0, at).trimEnd())
      this.#held = this.#held.slice(at)
      return this.#enter('behind')
    }
    const partial = Math.max(...this.#anywhere.map((each) => partialTag(this.#held, each)))
    const { length } = this.#held.slice(0, this.#held.length - partial).trimEnd()
    show(parts, this.#held.slice(0, length))
    this.#held = this.#held.slice(length)
    return false
  }

  /** Behind a call, or at a tag: what comes next? */
  #goOn(): boolean {
    this.#held = this.#held.trimStart()
    const skipped = [...this.#form.section, ...this.#form.separators].find((text) => this.#held.startsWith(text))
    if (skipped !== undefined) {
      this.#held = this.#held.slice(skipped.length)
      return true
    }
    if (this.#held.startsWith(this.#form.open)) {
      this.#held = this.#held.slice(this.#form.open.length)
      return this.#enter('call')
    }
    if (this.#form.bare && this.#held.startsWith('{')) return this.#enter('bare')
    if (this.#anywhere.some((tag) => tag.startsWith(this.#held))) return false
    return this.#enter('text')
  }

  #tryBare(parts: AnswerPart[]): boolean {
    const start = this.#held.indexOf('{')
    if (!mayBeCall(this.#held.slice(start + 1))) return this.#enter('text')
    const end = this.#json.endOfObject(this.#held, start)
    if (end === undefined) return false
    const call = this.#form.parse(this.#held.slice(start, end), false)
    if (call.invalid !== undefined) return this.#enter('text')
    return this.#tell(parts, call, '', end)
  }

  #call(parts: AnswerPart[]): boolean {
    const { close, open } = this.#form
    if (close === undefined) {
      const start = this.#held.length - this.#held.trimStart().length
      if (this.#held[start] !== '{') return false
      const end = this.#json.endOfObject(this.#held, start)
      return end === undefined ? false : this.#tell(parts, this.#form.parse(this.#held.slice(0, end), true), open, end)
    }
    const end = this.#json.nextTag(this.#held, [close, ...this.#anywhere])
    if (end === undefined) return false
    return this.#endAt(parts, end.at, end.tag === close ? close.length : 0)
  }

  /** The reply ends in the middle of what is, or may be, a call. */
  #endCut(parts: AnswerPart[]): void {
    const { close, open } = this.#form
    if (this.#place === 'bare') {
      const call = this.#form.parse(this.#held, false)
      if (call.name === '') this.#enter('text')
      else this.#tell(parts, call, '', this.#held.length)
    } else if (close === undefined) this.#tell(parts, this.#form.parse(this.#held, true), open, this.#held.length)
    else {
      // An unfinished string may have swallowed the closing tag, and all that came behind it.
      const [at, tag] = firstOf(this.#held, [close])
      this.#endAt(parts, at, tag === undefined ? 0 : close.length)
    }
  }

  #endAt(parts: AnswerPart[], at: number, tagLength: number): boolean {
    return this.#tell(parts, this.#form.parse(this.#held.slice(0, at), true), this.#form.open, at + tagLength)
  }

  /** @param end where in the held text the call is over, its closing tag included */
  #tell(parts: AnswerPart[], call: ParsedCall, open: string, end: number): boolean {
    const id = toolCallId(this.#nextNumber++)
    const { name, invalid } = call
    if (invalid === undefined) parts.push({ type: 'tool-call', id, name, input: call.input })
    else parts.push({ type: 'tool-call', id, name, input: open + this.#held.slice(0, end), invalid })
    this.#held = this.#held.slice(end)
    return this.#enter('behind')
  }

  #enter(place: Place): true {
    this.#place = place
    this.#json = new JsonProgress()
    return true
  }
}

/** How far a text of JSON has been looked through, so that no character is looked at twice. */
class JsonProgress {
  #at = 0
  #depth = 0
  #inString = false
  #escaped = false

  /** Where the object that begins at `start` ends, once it does. */
  endOfObject(text: string, start: number): number | undefined {
    this.#at = Math.max(this.#at, start)
    while (this.#at < text.length) {
      const character = text[this.#at++]
      if (this.#isQuoted(character)) continue
      if (character === '{' || character === '[') this.#depth++
      else if ((character === '}' || character === ']') && --this.#depth === 0) return this.#at
    }
    return undefined
  }

  /** The first tag outside of strings, once it is complete. */
  nextTag(text: string, tags: readonly string[]): { at: number; tag: string } | undefined {
    for (; this.#at < text.length; this.#at++) {
      if (this.#isQuoted(text[this.#at])) continue
      if (text[this.#at] !== '<') continue
      const tag = tags.find((each) => text.startsWith(each, this.#at))
      if (tag !== undefined) return { at: this.#at, tag }
      if (tags.some((each) => each.startsWith(text.slice(this.#at, this.#at + each.length)))) return undefined
    }
    return undefined
  }

  /** Takes a character; true when it belongs to a string, its quotes included. */
  #isQuoted(character: string): boolean {
    if (!this.#inString) {
      this.#inString = character === '"'
      return this.#inString
    }
    if (this.#escaped) this.#escaped = false
    else if (character === '\\') this.#escaped = true
    else if (character === '"') this.#inString = false
    return true
  }
}

/** Whether an object that begins like this may be a call. @param inside what follows its opening brace so far */
function mayBeCall(inside: string): boolean {
  const beginning = inside.slice(0, LONGEST_BEGINNING)
  const second = /^\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*(\S[\s\S]*)$/.exec(
    beginning,
  )?.[1]
  return beginsWithKey(beginning.trimStart(), FIRST_KEYS) && (second === undefined || beginsWithKey(second, NEXT_KEYS))
}

/** @param text may be no more than the beginning of a key */
function beginsWithKey(text: string, keys: readonly string[]): boolean {
  return keys.some((key) => (text.length < key.length ? key.startsWith(text) : text.startsWith(key)))
}

function firstOf(text: string, tags: readonly string[]): [number, string | undefined] {
  let first: [number, string | undefined] = [text.length, undefined]
  for (const tag of tags) {
    const at = text.indexOf(tag)
    if (at >= 0 && at < first[0]) first = [at, tag]
  }
  return first
}

function show(parts: AnswerPart[], text: string): void {
  if (text !== '') parts.push({ type: 'text-delta', text })
}
