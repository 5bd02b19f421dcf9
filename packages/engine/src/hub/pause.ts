import { setTimeout as sleep } from 'node:timers/promises'
import { AbortError } from '../errors.ts'

/** @throws AbortError */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch {
    throw new AbortError(signal?.reason)
  }
}
