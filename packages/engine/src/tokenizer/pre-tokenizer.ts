import { TokenizerError } from '../errors.ts'
import { compilePattern } from './pattern.ts'

/** One step of cutting text into words. Its matches are words; what lies between them are words too, or is dropped. */
export interface Split {
  readonly pattern: RegExp
  readonly keepsGaps: boolean
}

/** Called with a word as `text[start..end)`. */
export type WordVisitor = (text: string, start: number, end: number) => void

/** Cuts text into the words that merges do not reach across, by one or more splits, each within the last one's words. */
export class PreTokenizer {
  readonly #splits: readonly Split[]
  readonly #prefixesSpace: boolean

  /** @param prefixesSpace put a space before text that does not begin with one. */
  constructor(splits: readonly Split[], prefixesSpace = false) {
    this.#splits = splits
    this.#prefixesSpace = prefixesSpace
  }

  /** @throws TokenizerError `invalid-option` when a word is tens of millions of characters long. */
  forEachWord(text: string, visit: WordVisitor): void {
    if (text === '') return
    this.#split(this.#prefixesSpace && !text.startsWith(' ') ? ` ${text}` : text, 0, visit)
  }

  #split(text: string, depth: number, visit: WordVisitor): void {
    const split = this.#splits[depth]
    if (split === undefined) {
      visit(text, 0, text.length)
      return
    }
    const last = depth === this.#splits.length - 1
    const emit: WordVisitor = last
      ? visit
      : (whole, start, end) => this.#split(whole.slice(start, end), depth + 1, visit)
    const { pattern, keepsGaps } = split
    let done = 0
    pattern.lastIndex = 0
    for (let match = nextMatch(pattern, text); match !== null; match = nextMatch(pattern, text)) {
      const end = pattern.lastIndex
      if (keepsGaps && match.index > done) emit(text, done, match.index)
      if (end > match.index) emit(text, match.index, end)
      else pattern.lastIndex = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1)
      done = end
    }
    if (keepsGaps && done < text.length) emit(text, done, text.length)
  }
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

/** What a GGUF file's `tokenizer.ggml.pre` stands for. */
export interface NamedPreTokenizer {
  readonly preTokenizer: PreTokenizer
  /** A word that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean
  /** Sequences begin with the bos token unless the file says otherwise. */
  readonly addsBeginning: boolean
}

/** The pattern of GPT-2, and of the `ByteLevel` pre-tokenizer of tokenizer.json. */
export const GPT_2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

/** The pattern of cl100k and its successors, which differ in how many digits make a word. */
function modernPattern(digits: string): string {
  const words = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*`
  return String.raw`${words}|\s*[\r\n]+|\s+(?!\S)|\s+`
}

const QWEN_2_PATTERN = modernPattern(String.raw`\p{N}`)
const LLAMA_3_PATTERN = modernPattern(String.raw`\p{N}{1,3}`)

/** The names as llama.cpp writes and reads them, by pattern. Llama 3's also ignore merges and begin with bos. */
const NAMES: readonly { pattern: string; llama3?: true; names: readonly string[] }[] = [
  {
    pattern: GPT_2_PATTERN,
    names: ['gpt-2', 'phi-2', 'olmo', 'mpt', 'exaone4', 'gigachat', 'a.x-4.0', 'mellum'],
  },
  {
    pattern: QWEN_2_PATTERN,
    names: ['qwen2', 'deepseek-r1-qwen', 'hunyuan', 'grok-2', 'kormo', 'f2llmv2', 'megrez'],
  },
  {
    pattern: LLAMA_3_PATTERN,
    llama3: true,
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
  },
  { pattern: LLAMA_3_PATTERN, names: ['dbrx', 'smaug-bpe', 'glm4'] },
]

/**
 * The pre-tokenizer that `tokenizer.ggml.pre` names.
 * @throws TokenizerError when the name is none that is known.
 */
export function namedPreTokenizer(name: string, file: string): NamedPreTokenizer {
  const row = NAMES.find(({ names }) => names.includes(name))
  if (row === undefined) {
    throw new TokenizerError(
      'unsupported-tokenizer',
      `${file} needs the pre-tokenizer "${name}", which is not supported.`,
      {
        file,
        field: 'tokenizer.ggml.pre',
        remedy: `Use a model with one of these: ${NAMES.flatMap(({ names }) => names).join(', ')}.`,
      },
    )
  }
  const preTokenizer = new PreTokenizer([{ pattern: compilePattern(row.pattern, file), keepsGaps: true }])
  return { preTokenizer, ignoresMerges: row.llama3 === true, addsBeginning: row.llama3 === true }
}
