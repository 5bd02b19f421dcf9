import type { WorkerPort } from '#machine/worker'
import { openBank } from '../bank.ts'
import { compileGraph } from '../compile.ts'
import { replayTogether } from './replay-together.ts'
import { StepControl } from './step-control.ts'
import type { ComputeWork } from './team.ts'

/**
 * Helps with the steps of one model until there are no more: meanwhile the thread does nothing else.
 * @param data ComputeWork, by the first thread of the model
 */
export function computeSteps(data: unknown, port: WorkerPort): void {
  const { graph, plans, module, memories, words, threads, thread, cacheType } = data as ComputeWork
  const control = new StepControl(words, threads, thread)
  const banks = plans.map((plan, i) => ({ plan, bank: openBank(memories[i], module) }))
  const instructions = compileGraph(graph, banks, control, cacheType, { threads, thread })
  port.post('ready')
  while (control.nextStep()) {
    if (thread >= control.threads) continue
    // The first thread sees to those that are missing; this one only waits.
    for (const _ of replayTogether(instructions, control)) {
    }
  }
}
