import type { MeasuredThreads } from './thread-memory.ts'

/** Each page measures for itself: workers have no simple place to keep a number, and a tab moves between processors. */
export async function recallThreads(_most: number): Promise<MeasuredThreads | undefined> {
  return undefined
}

export async function rememberThreads(_most: number, _threads: number): Promise<void> {}
