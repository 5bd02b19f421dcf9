import { whenStarted } from '#machine/worker'
import { computeSteps } from '../backends/wasm/threads/compute-steps.ts'
import { answerCalls } from './answer-calls.ts'

/* All threads of the engine, in a browser: the build puts it all in one file. */
whenStarted({ engine: (_, port) => answerCalls(port), compute: computeSteps })
