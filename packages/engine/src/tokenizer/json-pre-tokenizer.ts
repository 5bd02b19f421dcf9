import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { ESCAPED_SPACE } from './escaped-spaces.ts'
import { readPattern, shown, stepsOf, unsupported } from './json-parts.ts'
import { GPT_2_PATTERN } from './named-pre-tokenizer.ts'
import { compilePattern } from './pattern.ts'
import { type Behavior, PreTokenizer, type Rewrite, type Split } from './pre-tokenizer.ts'

const FIELD = 'pre_tokenizer'

const BEHAVIORS: ReadonlySet<unknown> = new Set<Behavior>([
  'Isolated',
  'Removed',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
])

/** What Rust's regex calls \w. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`

export interface JsonPreTokenizer {
  readonly preTokenizer: PreTokenizer
  /** Words are merged byte by byte, not character by character. */
  readonly isByteLevel: boolean
}

/** @throws TokenizerError when `pre_tokenizer` has a step that is not supported, or goes on after bytes. */
export function readPreTokenizer(part: JsonValue | undefined, file: string): JsonPreTokenizer {
  const steps = stepsOf(part, 'pretokenizers')
  const isByteLevel = steps.at(-1)?.type === 'ByteLevel'
  const early = steps.slice(0, -1).some(({ type }) => type === 'ByteLevel')
  if (early) throw unsupported(file, FIELD, 'a step after ByteLevel')
  return { preTokenizer: new PreTokenizer(steps.flatMap((step) => readStep(step, file))), isByteLevel }
}

function readStep(step: JsonObject, file: string): (Split | Rewrite)[] {
  switch (step.type) {
    case 'ByteLevel':
      return readByteLevel(step, file)
    case 'Split':
      return [{ pattern: readPattern(step, file, FIELD), ...readBehavior(step, file), inverted: step.invert === true }]
    case 'Digits':
      return [splitting(step.individual_digits === true ? '\\p{N}' : '\\p{N}+', 'Isolated')]
    case 'Punctuation':
      return [splitting('[\\p{P}!-\\/:-@\\[-`{-~]', readBehavior({ behavior: 'Isolated', ...step }, file).behavior)]
    case 'Whitespace':
      return [{ ...splitting(`[${WORD}]+|[^${WORD}\\s]+`, 'Removed'), inverted: true }]
    case 'WhitespaceSplit':
      return [splitting('\\s', 'Removed')]
    case 'Metaspace':
      return readMetaspace(step, file)
    default:
      throw unsupported(file, FIELD, shown(step.type))
  }
}

function splitting(source: string, behavior: Behavior): Split {
  return { pattern: compilePattern(source, 'tokenizer.json'), behavior, inverted: false }
}

function readBehavior({ type, behavior }: JsonObject, file: string): { behavior: Behavior } {
  if (isBehavior(behavior)) return { behavior }
  throw unsupported(file, FIELD, `a ${shown(type)} of the behavior ${shown(behavior)}`)
}

function isBehavior(value: unknown): value is Behavior {
  return BEHAVIORS.has(value)
}

function readByteLevel(step: JsonObject, file: string): (Split | Rewrite)[] {
  const steps: (Split | Rewrite)[] = []
  if (step.add_prefix_space === true) steps.push({ rewrite: (word) => (word.startsWith(' ') ? word : ` ${word}`) })
  // Files from before the option existed always split as GPT-2 does.
  if (step.use_regex !== false) {
    steps.push({ pattern: compilePattern(GPT_2_PATTERN, file), behavior: 'Isolated', inverted: false })
  }
  return steps
}

/** Writes spaces as U+2581, puts one before the text (`prepend_scheme`), and begins a word at each (`split`). */
function readMetaspace(step: JsonObject, file: string): (Split | Rewrite)[] {
  if (step.replacement !== ESCAPED_SPACE) throw unsupported(file, FIELD, `Metaspace as ${shown(step.replacement)}`)
  // Files from before there was a scheme say whether to do it always or never.
  const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always')
  if (scheme !== 'always' && scheme !== 'never' && scheme !== 'first') {
    throw unsupported(file, FIELD, `the prepend_scheme ${shown(scheme)}`)
  }
  const rewrite = (word: string, first: boolean): string => {
    const escaped = word.replaceAll(' ', ESCAPED_SPACE)
    const prepends = scheme === 'always' || (scheme === 'first' && first)
    return prepends && !escaped.startsWith(ESCAPED_SPACE) ? ESCAPED_SPACE + escaped : escaped
  }
  const words = splitting(ESCAPED_SPACE, 'MergedWithNext')
  return step.split === false ? [{ rewrite }] : [{ rewrite }, words]
}
