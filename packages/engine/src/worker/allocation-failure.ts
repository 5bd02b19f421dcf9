import { EngineError } from '../errors.ts'

/** What V8, SpiderMonkey and JavaScriptCore say of buffers and memories that the system has no room for. */
const NO_ROOM = /allocation failed|could not allocate|out of memory|cannot allocate/i
const NODE_CODES: readonly unknown[] = ['ERR_MEMORY_ALLOCATION_FAILED', 'ERR_WORKER_OUT_OF_MEMORY']

/** An error that says there was no memory, as what it is; any other error as it was. */
export function typedIfNoMemory(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const isNoRoom = error instanceof RangeError && NO_ROOM.test(error.message)
  if (!isNoRoom && !('code' in error && NODE_CODES.includes(error.code))) return error
  return new EngineError('out-of-memory', 'The system has not enough memory left.', {
    remedy: 'Close other programs, or use a smaller model or a shorter context.',
    cause: error,
  })
}
