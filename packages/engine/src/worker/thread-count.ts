import { OptionError } from '../errors.ts'

/** Beyond this many, threads wait for the memory and for each other. */
export const MOST_BY_DEFAULT = 8
/** A thread more for so many bytes of weights: what less of them takes is soon done by one. */
export const BYTES_A_THREAD = 2 ** 25

/**
 * How many threads compute the steps of a model: one where none can share its memory.
 * @param asked by the user; otherwise as many as there are processors that the process may use (Node leaves out those
 *   that it is not bound to, and what its container does not grant) and as pays for so many bytes of weights
 * @throws OptionError
 */
export function threadCount(asked: number | undefined, weightBytes: number): number {
  const wanted = wantedThreads(asked, weightBytes)
  return canShareMemory() ? wanted : 1
}

/** What users should know where there could be more threads, in sentences. */
export function threadNotices(asked: number | undefined, weightBytes: number): string[] {
  const wanted = wantedThreads(asked, weightBytes)
  if (wanted === 1 || canShareMemory()) return []
  return [
    `The model runs on one thread, where ${wanted} could share the work: this page may not share memory between threads. ` +
      'It may if its server sends the headers "Cross-Origin-Opener-Policy: same-origin" and ' +
      '"Cross-Origin-Embedder-Policy: require-corp" with it.',
  ]
}

/** Pages may where they are cross-origin isolated (https://developer.mozilla.org/docs/Web/API/Window/crossOriginIsolated). */
function canShareMemory(): boolean {
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true
}

function wantedThreads(asked: number | undefined, weightBytes: number): number {
  if (asked === undefined) {
    const processors = globalThis.navigator?.hardwareConcurrency ?? 1
    return Math.max(1, Math.min(processors, MOST_BY_DEFAULT, Math.floor(weightBytes / BYTES_A_THREAD)))
  }
  if (!Number.isInteger(asked) || asked < 1 || asked > 256) {
    throw new OptionError('threads', `There cannot be ${asked} threads.`, 'Use a whole number from 1 to 256.')
  }
  return asked
}
