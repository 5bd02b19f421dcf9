import { startRevectorizing } from '#backends/wasm/revectorize'
import { OptionError } from '../errors.ts'
import type { EngineOptions } from './types.ts'

/**
 * What `revectorize` asks for, before anything is compiled.
 * @returns what users should know of it, in sentences
 * @throws OptionError
 */
export async function revectorizeIfAsked({ revectorize = false, backend }: EngineOptions): Promise<string[]> {
  if (!revectorize) return []
  if (backend === 'reference') {
    throw new OptionError('revectorize', 'The reference backend has no vector operations to join.', 'Leave one out.')
  }
  return startRevectorizing()
}
