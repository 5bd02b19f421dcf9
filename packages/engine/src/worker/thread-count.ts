import { OptionError } from '../errors.ts'

/** Beyond this many, threads wait for the memory and for each other. */
export const MOST_BY_DEFAULT = 8
/** A thread more for so many bytes of weights: what less of them takes is soon done by one. */
export const BYTES_A_THREAD = 2 ** 25

/**
 * How many threads compute the steps of a model.
 * @param asked by the user; otherwise as many as there are processors that the process may use (Node leaves out those
 *   that it is not bound to, and what its container does not grant) and as pays for so many bytes of weights
 * @throws OptionError
 */
export function threadCount(asked: number | undefined, weightBytes: number): number {
  if (asked === undefined) {
    const processors = globalThis.navigator?.hardwareConcurrency ?? 1
    return Math.max(1, Math.min(processors, MOST_BY_DEFAULT, Math.floor(weightBytes / BYTES_A_THREAD)))
  }
  if (!Number.isInteger(asked) || asked < 1 || asked > 256) {
    throw new OptionError('threads', `There cannot be ${asked} threads.`, 'Use a whole number from 1 to 256.')
  }
  return asked
}
