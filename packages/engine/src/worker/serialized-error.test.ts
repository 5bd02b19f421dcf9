import { describe, expect, it } from 'vitest'
import {
  AbortError,
  CheckpointError,
  ContextError,
  DownloadError,
  EngineError,
  LajuError,
  OptionError,
  TemplateError,
  TokenizerError,
} from '../errors.ts'
import { reviveError, serializeError } from './serialized-error.ts'

const details = { file: 'm.gguf', field: 'llama.block_count', remedy: 'Get it again.' }

describe('an error that crosses threads', () => {
  it.each([
    new CheckpointError('invalid-checkpoint', 'broken', details),
    new TokenizerError('invalid-tokenizer', 'broken', details),
    new TemplateError('template-failed', 'broken', details),
    new DownloadError('download-failed', 'broken', details),
    new EngineError('out-of-memory', 'too large', details),
    new OptionError('topP', 'too large', 'Use less.'),
    new LajuError('empty-prompt', 'empty', details),
    new ContextError(9, 8, 16),
    new AbortError(),
  ])('stays what it was: $name', (error) => {
    const revived = reviveError(structuredClone(serializeError(error)))
    expect(revived.constructor).toBe(error.constructor)
    expect({ ...revived }).toEqual({ ...error })
    expect(revived.message).toBe(error.message)
  })

  it('becomes an engine error when nobody expected it', () => {
    const revived = reviveError(structuredClone(serializeError(new TypeError('x is not a function'))))
    expect(revived).toBeInstanceOf(EngineError)
    expect(revived).toMatchObject({ code: 'worker-failed' })
    expect(revived.message).toContain('x is not a function')
    expect(String(revived.cause)).toContain('TypeError')
  })
})
