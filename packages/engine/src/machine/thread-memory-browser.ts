/** How many threads of so many were fastest at writing, and when that was measured. */
export interface MeasuredThreads {
  readonly threads: number
  readonly measured: Date
}

/** Each page measures for itself: workers have no simple place to keep a number, and a tab moves between processors. */
export async function recallThreads(_most: number): Promise<MeasuredThreads | undefined> {
  return undefined
}

export async function rememberThreads(_most: number, _threads: number): Promise<void> {}
