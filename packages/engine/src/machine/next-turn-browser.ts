const { port1, port2 } = new MessageChannel()
const waiting: (() => void)[] = []
port1.onmessage = () => waiting.shift()?.()

/** Lets in what waits: messages and events. A timer would wait for 4 ms, and for seconds in a tab in the background. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => {
    waiting.push(resume)
    port2.postMessage(undefined)
  })
}
