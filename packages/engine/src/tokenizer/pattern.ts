import { TokenizerError } from '../errors.ts'

/** What `(?i:...)` adds to a letter beyond its other case: the simple case folding of Unicode. */
const FOLDED: Readonly<Record<string, string>> = { s: '\u017f', k: '\u212a' }

const SYNTAX = /[\^$\\.*+?()[\]{}|/]/
const GROUP = /^\((?:\?(?::|=|!|<=|<!))?(?!\?)/

/**
 * Compiles a pattern of a pre-tokenizer, written for Oniguruma or Rust's regex, to a JavaScript regular expression of
 * the same meaning: `\s` is White_Space there (with U+0085, without U+FEFF), `(?i:...)` is spelt out because not every
 * runtime has it. Only what means the same in all three is accepted.
 * @throws TokenizerError
 */
export function compilePattern(pattern: string, file: string): RegExp {
  try {
    return new RegExp(new Translation(pattern).run(), 'gu')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TokenizerError(
      'unsupported-tokenizer',
      `${file} splits text by ${pattern}, which is not supported: ${why}`,
      {
        file,
        field: 'pre_tokenizer',
        cause,
      },
    )
  }
}

class Translation {
  readonly #pattern: string
  #at = 0
  #inClass = false
  /** For every open group, whether letters in it match both cases. */
  readonly #folding: boolean[] = [false]

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  run(): string {
    let result = ''
    while (this.#at < this.#pattern.length) result += this.#next()
    return result
  }

  get #folds(): boolean {
    return this.#folding.at(-1) ?? false
  }

  #next(): string {
    const rest = this.#pattern.slice(this.#at)
    if (rest.startsWith('\\')) return this.#escape(rest)
    if (this.#inClass) return this.#inside(rest)
    if (rest.startsWith('(')) return this.#group(rest)
    if (/^[?*+][+]/.test(rest)) throw new Error('possessive quantifiers.')
    // The end of a line, as in Oniguruma.
    if (rest.startsWith('$')) return this.#endOfLine()
    if (/^[.^]/.test(rest)) throw new Error(`"${rest[0]}" means different things in different dialects.`)
    this.#at++
    if (rest.startsWith('[')) this.#inClass = true
    if (rest.startsWith(')')) this.#folding.pop()
    return this.#letter(rest[0] ?? '')
  }

  #inside(rest: string): string {
    if (rest.startsWith('[') || rest.startsWith('&&')) throw new Error('operations on classes.')
    if (rest.startsWith('-') && this.#folds) throw new Error('ranges in a case-insensitive group.')
    this.#at++
    if (rest.startsWith(']')) this.#inClass = false
    return this.#letter(rest[0] ?? '')
  }

  #group(rest: string): string {
    const insensitive = rest.startsWith('(?i:')
    const opening = insensitive ? '(?i:' : GROUP.exec(rest)?.[0]
    if (opening === undefined) throw new Error(`the group ${rest.slice(0, 4)}.`)
    this.#at += opening.length
    this.#folding.push(insensitive || this.#folds)
    return insensitive ? '(?:' : opening
  }

  #escape(rest: string): string {
    const property = /^\\[pP]\{\w+\}/.exec(rest)
    const sequence = property?.[0] ?? rest.slice(0, 2)
    this.#at += sequence.length
    if (property || /^\\[rntfv]$/.test(sequence)) return sequence
    if (sequence === '\\s') return '\\p{White_Space}'
    if (sequence === '\\S') return '\\P{White_Space}'
    if (sequence === '\\d') return '\\p{Nd}'
    const character = sequence.slice(1)
    if (/^[\p{L}\p{N}]?$/u.test(character)) throw new Error(`the escape ${sequence}.`)
    return SYNTAX.test(character) || (character === '-' && this.#inClass) ? sequence : character
  }

  #endOfLine(): string {
    this.#at++
    return '(?=\\n|(?![\\s\\S]))'
  }

  #letter(character: string): string {
    if (!this.#folds || !/[A-Za-z]/.test(character)) return character
    const lower = character.toLowerCase()
    const both = lower + lower.toUpperCase() + (FOLDED[lower] ?? '')
    return this.#inClass ? both : `[${both}]`
  }
}
