import { getSystemErrorMessage } from 'node:util'

/** Why the operating system refused, in words: "no such file or directory". */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const words = 'errno' in error && typeof error.errno === 'number' ? getSystemErrorMessage(error.errno) : undefined
  return words ?? error.message
}
