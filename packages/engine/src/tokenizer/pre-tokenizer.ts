import { TokenizerError } from '../errors.ts'

/**
 * What becomes of the matches of a pattern, and of what lies between them ("gaps"), in the words of tokenizer.json:
 * `Isolated`: each a word of its own. `Removed`: the gaps are words, the matches are dropped. `MergedWithPrevious`,
 * `MergedWithNext`: a match ends, or begins, the word that the gap before or after it is. `Contiguous`: matches without
 * a gap between them are one word.
 */
export type Behavior = 'Isolated' | 'Removed' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

/** A step that cuts text into words. */
export interface Split {
  readonly pattern: RegExp
  readonly behavior: Behavior
  /** Matches and gaps change places. */
  readonly inverted: boolean
}

/** A step that changes the words the last step made. */
export interface Rewrite {
  /** @param first whether the word is the beginning of the whole text. */
  readonly rewrite: (word: string, first: boolean) => string
}

/** Called with a word as `text[start..end)`. */
export type WordVisitor = (text: string, start: number, end: number) => void

/** Cuts text into the words that merges do not reach across, in steps, each within the words that the last one made. */
export class PreTokenizer {
  readonly #steps: readonly (Split | Rewrite)[]

  constructor(steps: readonly (Split | Rewrite)[]) {
    this.#steps = steps
  }

  /**
   * @param first whether this is the beginning of a whole text, not a piece behind an added token.
   * @throws TokenizerError `invalid-option` when a word is tens of millions of characters long.
   */
  forEachWord(text: string, first: boolean, visit: WordVisitor): void {
    if (text !== '') this.#run(text, 0, first, visit)
  }

  #run(text: string, depth: number, first: boolean, visit: WordVisitor): void {
    const step = this.#steps[depth]
    if (step === undefined) {
      visit(text, 0, text.length)
      return
    }
    if ('rewrite' in step) {
      this.#run(step.rewrite(text, first), depth + 1, first, visit)
      return
    }
    const last = depth === this.#steps.length - 1
    split(step, text, (whole, start, end) => {
      if (last) visit(whole, start, end)
      else this.#run(whole.slice(start, end), depth + 1, first && start === 0, visit)
    })
  }
}

function split({ pattern, behavior, inverted }: Split, text: string, visit: WordVisitor): void {
  if (behavior === 'Isolated') {
    eachPart(pattern, text, visit)
  } else if (behavior === 'Removed') {
    eachPart(pattern, text, (whole, start, end, isMatch) => {
      if (isMatch === inverted) visit(whole, start, end)
    })
  } else {
    const joins = JOINS[behavior]
    let from = 0
    let to = 0
    let before = false
    eachPart(pattern, text, (whole, start, end, found) => {
      const isMatch = found !== inverted
      if (to > from && !joins(before, isMatch)) {
        visit(whole, from, to)
        from = start
      }
      to = end
      before = isMatch
    })
    if (to > from) visit(text, from, to)
  }
}

/** Whether a part belongs to the same word as the one before it, by whether each is a match. */
const JOINS = {
  MergedWithPrevious: (before: boolean, isMatch: boolean) => isMatch && !before,
  MergedWithNext: (before: boolean, isMatch: boolean) => before && !isMatch,
  Contiguous: (before: boolean, isMatch: boolean) => before === isMatch,
}

/** The matches of a pattern and the gaps between them, in order; together they are the text. */
function eachPart(
  pattern: RegExp,
  text: string,
  visit: (text: string, start: number, end: number, isMatch: boolean) => void,
): void {
  let done = 0
  pattern.lastIndex = 0
  for (let match = nextMatch(pattern, text); match !== null; match = nextMatch(pattern, text)) {
    const end = pattern.lastIndex
    if (match.index > done) visit(text, done, match.index, false)
    if (end > match.index) visit(text, match.index, end, true)
    else pattern.lastIndex = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1)
    done = end
  }
  if (done < text.length) visit(text, done, text.length, false)
}

/** A run of tens of millions of characters exhausts the stack that the runtime has for patterns: a RangeError. */
function nextMatch(pattern: RegExp, text: string): RegExpExecArray | null {
  try {
    return pattern.exec(text)
  } catch (cause) {
    throw wordTooLong(cause)
  }
}

/** The error for text with a run of so many letters, or spaces, that it cannot be encoded. */
export function wordTooLong(cause?: unknown): TokenizerError {
  return new TokenizerError('invalid-option', 'The text has a word of too many millions of characters to encode.', {
    remedy: 'Leave out what is no text.',
    cause,
  })
}
