/** Lets in what waits: messages, events, timers. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume))
}
