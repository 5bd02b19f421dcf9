import type { JsonValue } from '../weights/checkpoint.ts'
import { listOf, objectOf, shown, stepsOf, unsupported } from './json-parts.ts'

/**
 * The token that `post_processor` puts before a text, if any.
 * @throws TokenizerError when it puts more than one token there, or is of another kind.
 */
export function readBeginning(part: JsonValue | undefined, file: string): string | undefined {
  let beginning: string | undefined
  for (const step of stepsOf(part, 'processors')) {
    if (step.type === 'ByteLevel') continue
    if (step.type !== 'TemplateProcessing') throw unsupported(file, 'post_processor', shown(step.type))
    const pieces = listOf(step.single).map(objectOf)
    const text = pieces.findIndex((piece) => piece.Sequence !== undefined)
    if (text > 1 || (text === 1 && beginning !== undefined)) {
      throw unsupported(file, 'post_processor', 'more than one token before the text')
    }
    const id = text === 1 ? objectOf(pieces[0]?.SpecialToken).id : undefined
    if (typeof id === 'string') beginning = id
  }
  return beginning
}
