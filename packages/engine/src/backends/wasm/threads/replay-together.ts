import type { Instruction } from '../compile.ts'
import { runWhole } from '../step.ts'
import type { StepControl } from './step-control.ts'

/** Milliseconds that a thread waits for the others before it looks whether they are still there. */
const PATIENCE = 500

/**
 * Replays a plan together with other threads, which have the same instructions. Blocks of units are claimed from
 * counters, so that a slow thread gets fewer; whoever computes a unit computes the same. Instructions of one block that
 * follow each other are one block together.
 *
 * Yields where the others let it wait for long, so that the caller can see to them, and then goes on waiting.
 */
export function* replayTogether(instructions: readonly Instruction[], control: StepControl): Generator<void, void> {
  for (let index = 0, end = 0; index < instructions.length; index = end) {
    end = endOfRun(instructions, index, control)
    const blocks = end > index + 1 ? 1 : agreedBlocks(instructions[index], index, control)
    for (;;) {
      const range = control.claim(index, blocks)
      if (!range) return
      const { from, to } = range
      if (from === to) break
      if (end > index + 1) for (let i = index; i < end; i++) runWhole(instructions[i])
      else runBlocks(instructions[index], from, to)
      control.finish(index, to - from, blocks)
    }
    while (!control.waitForAll(index, blocks, PATIENCE)) yield
    if (!control.hasAdditions(end - 1)) continue
    if (control.thread === 0) {
      for (const addition of instructions[end - 1].additions ?? []) runWhole(addition)
      control.release(end - 1)
    } else {
      while (!control.waitForRelease(end - 1, PATIENCE)) yield
    }
  }
}

/** The end of the instructions from `index` on that one thread does best alone; all threads find the same. */
function endOfRun(instructions: readonly Instruction[], index: number, control: StepControl): number {
  let end = index + 1
  if (instructions[index].unitsDependOnOthers || blocksOf(instructions[index]) > 1) return end
  while (end < instructions.length && !control.hasAdditions(end - 1)) {
    const instruction = instructions[end]
    if (instruction.unitsDependOnOthers || blocksOf(instruction) > 1) break
    end++
  }
  return end
}

function agreedBlocks(instruction: Instruction, index: number, control: StepControl): number {
  return instruction.unitsDependOnOthers ? control.agreeOn(index, () => blocksOf(instruction)) : blocksOf(instruction)
}

function blocksOf({ units, unitsAtOnce }: Instruction): number {
  return Math.ceil(units() / unitsAtOnce)
}

function runBlocks({ units, unitsAtOnce, run }: Instruction, from: number, to: number): void {
  run(from * unitsAtOnce, Math.min(to * unitsAtOnce, units()))
}
