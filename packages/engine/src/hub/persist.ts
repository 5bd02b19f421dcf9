import { pause } from '#hub/pause'
import { type DownloadError, throwIfAborted } from '../errors.ts'

/** Attempts in a row that gain nothing before the last error is told. */
const MOST_FAILURES = 5
/** However much each attempt gains: a server that gives a byte at a time must not keep us for ever. */
const MOST_ATTEMPTS = 1000
const FIRST_PAUSE_MS = 250
/** The longest wait that a server may ask for. */
export const LONGEST_PAUSE_MS = 120_000

/** Something that may go better the next time, such as a connection that was dropped. */
export class Setback extends Error {
  /** What to tell when it never does. */
  readonly error: DownloadError
  /** How long the server asks to wait. */
  readonly pauseMs: number | undefined

  constructor(error: DownloadError, pauseMs?: number) {
    super(error.message, { cause: error })
    this.error = error
    this.pauseMs = pauseMs
  }
}

/**
 * Repeats an attempt after each Setback, waiting longer every time, until five in a row have gained nothing.
 * @param attempt calls its argument when it has gained something
 * @throws the error of the last Setback; AbortError; whatever else the attempt throws
 */
export async function persist<Result>(
  attempt: (gained: () => void) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  let failures = 0
  for (let attempts = 1; ; attempts++) {
    let hasGained = false
    try {
      return await attempt(() => {
        hasGained = true
      })
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof Setback)) throw error
      failures = hasGained ? 1 : failures + 1
      if (failures === MOST_FAILURES || attempts === MOST_ATTEMPTS) throw error.error
      await pause(error.pauseMs ?? backoff(failures), signal)
    }
  }
}

/** Doubles each time, and is not the same for all who were dropped at once. */
function backoff(failures: number): number {
  return FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.75 + Math.random() / 2)
}
