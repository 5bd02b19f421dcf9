import { whenStarted } from '#machine/worker'
import { answerCalls } from './answer-calls.ts'

/* The engine's thread, in Node. */
whenStarted({ engine: (_, port) => answerCalls(port) })
