import { EngineError } from '../errors.ts'
import { EngineThread } from './engine-thread.ts'

/** Has a worker do some work, for which it is started and then ended. */
export async function inWorker<Result>(work: (thread: EngineThread) => Promise<Result>): Promise<Result> {
  const thread = await EngineThread.start()
  try {
    return await work(thread)
  } finally {
    await thread.stop(new EngineError('disposed', 'Its work is done.'))
  }
}
