/** What went wrong, as a stable string that programs can switch on. */
export type ErrorCode =
  | 'not-found'
  | 'not-a-file'
  | 'read-failed'
  | 'truncated'
  | 'invalid-checkpoint'
  | 'unsupported-format'
  | 'unsupported-architecture'
  | 'unsupported-type'
  | 'unsupported-adapter'
  | 'adapter-mismatch'
  | 'is-an-adapter'
  | 'unsupported-tokenizer'
  | 'invalid-tokenizer'
  | 'template-failed'
  | 'context-exceeded'
  | 'out-of-memory'
  | 'invalid-option'
  | 'empty-prompt'
  | 'worker-failed'
  | 'disposed'
  | 'busy'
  | 'aborted'
  | 'kernel-failed'
  | 'no-token-allowed'
  | 'access-denied'
  | 'download-failed'
  | 'corrupt-download'
  | 'disk-full'
  | 'write-failed'
  | 'offline'
  | 'no-ranges'
  | 'invalid-conversation'
  | 'conversation-mismatch'
  | 'unsupported-platform'

export interface ErrorDetails {
  /** The file (or URL) at fault. */
  file?: string
  /** The header field, tensor, option or token at fault. */
  field?: string
  /** What the user can do about it, as a full sentence. */
  remedy?: string
  cause?: unknown
}

/**
 * The base of every error laju throws on purpose. The message is a sentence for a person that names what is
 * wrong and where; `remedy` says what to do; `code` is for programs.
 */
export class LajuError extends Error {
  readonly code: ErrorCode
  readonly file: string | undefined
  readonly field: string | undefined
  readonly remedy: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.file = details.file
    this.field = details.field
    this.remedy = details.remedy
  }
}

/** A checkpoint file or folder that is missing, broken, or of a kind this engine does not run. */
export class CheckpointError extends LajuError {}

/** A model that cannot be fetched from where its name says it is, or cannot be kept here. */
export class DownloadError extends LajuError {}

/** A tokenizer that is broken or of a kind this engine does not run. */
export class TokenizerError extends LajuError {}

/** A chat template that is missing or cannot render. */
export class TemplateError extends LajuError {}

/** An option or argument outside its range. */
export class OptionError extends LajuError {
  constructor(field: string, message: string, remedy?: string) {
    super('invalid-option', message, { field, remedy })
  }
}

/** A prompt that is longer than the room left in the context. */
export class ContextError extends LajuError {
  readonly needed: number
  readonly available: number
  /** The longest context that the model was made for. */
  readonly longest: number

  constructor(needed: number, available: number, longest: number) {
    super('context-exceeded', `The prompt needs ${needed} tokens, but the context has room for ${available}.`, {
      remedy:
        available < longest
          ? 'Shorten the prompt or load the model with a larger contextLength.'
          : 'Shorten the prompt; the model was made for no more tokens.',
    })
    this.needed = needed
    this.available = available
    this.longest = longest
  }
}

/** The engine's worker, memory or kernels failed; the model must be loaded again. */
export class EngineError extends LajuError {}

/** Thrown when an AbortSignal ends the work. `name` is `AbortError`, as on the web platform. */
export class AbortError extends LajuError {
  constructor(reason?: unknown) {
    super('aborted', 'The operation was aborted.', { cause: reason })
    this.name = 'AbortError'
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(signal.reason)
}
