import { parentPort, workerData } from 'node:worker_threads'
import { openBank } from '../bank.ts'
import { compileGraph } from '../compile.ts'
import { replayTogether } from './replay-together.ts'
import { StepControl } from './step-control.ts'
import type { ComputeWork } from './team.ts'

/*
 * A thread that helps with the steps of one model until there are no more.
 */

const { graph, plan, module, memory, words, threads, thread, cacheType } = workerData as ComputeWork
const control = new StepControl(words, threads, thread)
const instructions = compileGraph(graph, plan, openBank(memory, module), control, cacheType, { threads, thread })

parentPort?.postMessage('ready')
while (control.nextStep()) {
  if (thread >= control.threads) continue
  // The first thread sees to those that are missing; this one only waits.
  for (const _ of replayTogether(instructions, control)) {
  }
}
