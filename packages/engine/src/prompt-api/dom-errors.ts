import { AbortError, ContextError, LajuError } from '../index.ts'

/** What newer browsers have, and others call a DOMException of this name. */
interface QuotaExceeded {
  new (message: string, numbers: { requested: number; quota: number }): Error
}

export function quotaExceeded(requested: number, quota: number): Error {
  const message = `The prompt needs ${requested} tokens, and there is room for ${quota}.`
  const { QuotaExceededError } = globalThis as { QuotaExceededError?: QuotaExceeded }
  if (QuotaExceededError) return new QuotaExceededError(message, { requested, quota })
  return Object.assign(new DOMException(message, 'QuotaExceededError'), { requested, quota })
}

/** An error of the engine as the Prompt API has it; others as they are. */
export function domErrorOf(error: unknown): unknown {
  if (error instanceof AbortError) return error.cause ?? new DOMException(error.message, 'AbortError')
  if (error instanceof ContextError) return quotaExceeded(error.needed, error.available)
  if (!(error instanceof LajuError)) return error
  const message = error.remedy === undefined ? error.message : `${error.message} ${error.remedy}`
  const name = error.code.startsWith('unsupported-') ? 'NotSupportedError' : 'OperationError'
  return Object.assign(new DOMException(message, name), { cause: error })
}
