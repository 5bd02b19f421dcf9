import { ContextError, type ErrorCode, LajuError } from '@laju/engine'
import { neutralise } from './terminal/neutralise.ts'
import { UsageError } from './usage-error.ts'

/** The engine's advice is for programmers; these ways out have another name on the command line. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  'context-exceeded': 'Shorten the prompt, or give it more room with --context.',
  'template-failed': 'Use "laju run --raw" to go on from a text without a chat template.',
}

/** The lines for stderr that say what went wrong and what to do; never a stack, unless LAJU_DEBUG asks for one. */
export function errorLines(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const lines = [`error: ${oneLine(message)}`]
  const remedy = error instanceof LajuError ? remedyOf(error) : undefined
  if (remedy !== undefined) lines.push(`what to do: ${oneLine(remedy)}`)
  if (process.env.LAJU_DEBUG === '1' && error instanceof Error) lines.push(debugText(error))
  return lines.join('\n')
}

function remedyOf(error: LajuError): string | undefined {
  const isAtItsLongest = error instanceof ContextError && error.available >= error.longest
  return isAtItsLongest ? error.remedy : (REMEDIES[error.code] ?? error.remedy)
}

export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? 2 : 1
}

/** Messages quote names out of files, so they are text from outside. */
function oneLine(text: string): string {
  return neutralise(text.replaceAll(/\s*\n\s*/g, ' ').trim())
}

function debugText(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : ''
  return `${error.stack}${cause}`
}
