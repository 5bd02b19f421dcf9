import { whenStarted } from '#machine/worker'
import { computeSteps } from './compute-steps.ts'

/* A thread that helps to compute, in Node. */
whenStarted({ compute: computeSteps })
