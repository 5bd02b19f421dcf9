import type { JsonObject, JsonValue } from '../weights/checkpoint.ts'
import { ESCAPED_SPACE } from './escaped-spaces.ts'
import { objectOf, shown, stepsOf, unsupported } from './json-parts.ts'

const FIELD = 'decoder'

/** @throws TokenizerError when `decoder` is not the way back from the byte alphabet. */
export function checkByteDecoder(part: JsonValue | undefined, file: string): void {
  const steps = stepsOf(part, 'decoders')
  const other = steps.find(({ type }) => type !== 'ByteLevel')
  if (other || steps.length !== 1) throw unsupported(file, FIELD, other ? shown(other.type) : 'nothing')
}

/**
 * Checks that `decoder` is the way back from U+2581 and tokens of bytes.
 * @returns whether it takes one space away from the beginning of a text.
 * @throws TokenizerError when it is not.
 */
export function readSpaceDecoder(part: JsonValue | undefined, spellsBytes: boolean, file: string): boolean {
  const steps = stepsOf(part, 'decoders')
  let strips = false
  const needed = new Set(['spaces', ...(spellsBytes ? ['bytes'] : [])])
  for (const step of steps) {
    if (isSpaces(step)) needed.delete('spaces')
    else if (step.type === 'ByteFallback') needed.delete('bytes')
    else if (isStrip(step)) strips = true
    else if (step.type !== 'Fuse') throw unsupported(file, FIELD, shown(step.type))
    if (step.type === 'Metaspace') strips = step.prepend_scheme !== 'never' && step.add_prefix_space !== false
  }
  if (needed.size > 0) throw unsupported(file, FIELD, `nothing that gives back ${[...needed].join(' and ')}`)
  return strips
}

function isSpaces(step: JsonObject): boolean {
  if (step.type === 'Metaspace') return step.replacement === ESCAPED_SPACE
  return step.type === 'Replace' && objectOf(step.pattern).String === ESCAPED_SPACE && step.content === ' '
}

function isStrip(step: JsonObject): boolean {
  return step.type === 'Strip' && step.content === ' ' && step.start === 1 && step.stop === 0
}
