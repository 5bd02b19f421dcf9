import { LajuError } from '@laju/engine'
import { neutralise } from './terminal/neutralise.ts'
import { UsageError } from './usage-error.ts'

/** The lines for stderr that say what went wrong and what to do; never a stack, unless LAJU_DEBUG asks for one. */
export function errorLines(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const lines = [`error: ${oneLine(message)}`]
  if (error instanceof LajuError && error.remedy !== undefined) lines.push(`what to do: ${oneLine(error.remedy)}`)
  if (process.env.LAJU_DEBUG === '1' && error instanceof Error) lines.push(debugText(error))
  return lines.join('\n')
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
