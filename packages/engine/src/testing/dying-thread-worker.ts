import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'

/*
 * The engine's worker, but that its compute threads end, whatever they are doing, when somebody says so on a channel.
 */

export const CHANNEL = 'laju-end-compute-threads'

if (!threads.isMainThread) {
  const started: threads.Worker[] = []
  const { Worker } = threads
  threads.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given)
      started.push(this)
    }
  }
  syncBuiltinESMExports()
  const channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = () => {
    for (const worker of started.splice(0)) void worker.terminate()
  }
  await import('../worker/engine-worker.ts')
}
