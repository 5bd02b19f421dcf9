import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { readPattern, shown, stepsOf, unsupported } from './json-parts.ts'

type Normalize = (text: string) => string

const WHITE_SPACE = /^\p{White_Space}$/u

/**
 * What `normalizer` of a tokenizer.json does to text.
 * @throws TokenizerError when it has a step that is not supported.
 */
export function readNormalizer(part: JsonValue | undefined, file: string): Normalize {
  const steps = stepsOf(part, 'normalizers').map((step) => readStep(step, file))
  return (text) => steps.reduce((normal, step) => step(normal), text)
}

function readStep(step: JsonObject, file: string): Normalize {
  switch (step.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = step.type
      return (text) => text.normalize(form)
    }
    case 'Lowercase':
      // A character at a time: of a whole word, JavaScript would make the last sigma a final one.
      return (text) => Array.from(text, (character) => character.toLowerCase()).join('')
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '')
    case 'Strip':
      return (text) => stripped(text, step.strip_left === true, step.strip_right === true)
    case 'Prepend': {
      const { prepend } = step
      if (typeof prepend !== 'string') throw unsupported(file, 'normalizer', 'a Prepend without a text')
      return (text) => (text === '' ? '' : prepend + text)
    }
    case 'Replace': {
      const pattern = readPattern(step, file, 'normalizer')
      const { content } = step
      if (typeof content !== 'string') throw unsupported(file, 'normalizer', 'a Replace without a content')
      return (text) => text.replace(pattern, () => content)
    }
    default:
      throw unsupported(file, 'normalizer', shown(step.type))
  }
}

function stripped(text: string, left: boolean, right: boolean): string {
  let start = 0
  let end = text.length
  if (left) while (start < end && WHITE_SPACE.test(text[start] ?? '')) start++
  if (right) while (end > start && WHITE_SPACE.test(text[end - 1] ?? '')) end--
  return text.slice(start, end)
}
