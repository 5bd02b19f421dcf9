import {
  AbortError,
  CheckpointError,
  ContextError,
  DownloadError,
  EngineError,
  type ErrorCode,
  LajuError,
  OptionError,
  TemplateError,
  TokenizerError,
} from '../errors.ts'
import { typedIfNoMemory } from './allocation-failure.ts'

/** An error in a form that crosses threads and keeps its class. */
export interface SerializedError {
  readonly name: string
  readonly message: string
  readonly code: ErrorCode
  readonly file: string | undefined
  readonly field: string | undefined
  readonly remedy: string | undefined
  readonly needed?: number
  readonly available?: number
  readonly longest?: number
  /** The stack of an error nobody expected, for a bug report. */
  readonly trace?: string
}

export function serializeError(thrown: unknown): SerializedError {
  const error = typedIfNoMemory(thrown)
  if (error instanceof LajuError) {
    const { name, message, code, file, field, remedy } = error
    return { name, message, code, file, field, remedy, ...(error instanceof ContextError ? numbersOf(error) : {}) }
  }
  const unexpected = error instanceof Error ? error : new Error(String(error))
  return {
    name: 'EngineError',
    message: `The engine met an unexpected error: ${unexpected.message}`,
    code: 'worker-failed',
    file: undefined,
    field: undefined,
    remedy: 'Please report it with the model and the prompt.',
    trace: unexpected.stack,
  }
}

function numbersOf({ needed, available, longest }: ContextError) {
  return { needed, available, longest }
}

export function reviveError(serialized: SerializedError): LajuError {
  const { name, message, code, file, field, remedy, needed = 0, available = 0, longest = 0, trace } = serialized
  const details = { file, field, remedy, cause: trace }
  switch (name) {
    case 'CheckpointError':
      return new CheckpointError(code, message, details)
    case 'DownloadError':
      return new DownloadError(code, message, details)
    case 'TokenizerError':
      return new TokenizerError(code, message, details)
    case 'TemplateError':
      return new TemplateError(code, message, details)
    case 'OptionError':
      return new OptionError(field ?? '', message, remedy)
    case 'ContextError':
      return new ContextError(needed, available, longest)
    case 'AbortError':
      return new AbortError()
    case 'EngineError':
      return new EngineError(code, message, details)
    default:
      return new LajuError(code, message, details)
  }
}
