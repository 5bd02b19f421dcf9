import type { Instruction } from '../compile.ts'
import { runWhole } from '../step.ts'
import type { StepControl } from './step-control.ts'

/** Milliseconds that a thread waits for the others before it looks whether they are still there. */
const PATIENCE = 500

/**
 * Replays a plan together with other threads, which have the same instructions. Blocks of units are claimed from a
 * counter, so that a slow thread gets fewer; whoever computes a unit computes the same. Instructions of one block that
 * follow each other are one block together.
 *
 * Yields where the others let it wait for long, so that the caller can see to them, and then goes on waiting.
 */
export function* replayTogether(
  instructions: readonly Instruction[],
  control: StepControl,
  isFirst: boolean,
): Generator<void, void> {
  for (let index = 0, end = 0; index < instructions.length; index = end) {
    end = endOfRun(instructions, index, control)
    const blocks = end > index + 1 ? 1 : agreedBlocks(instructions[index], index, control)
    for (;;) {
      const block = control.claim(index)
      if (block === undefined) return
      if (block >= blocks) break
      if (end > index + 1) for (let i = index; i < end; i++) runWhole(instructions[i])
      else runBlock(instructions[index], block)
      control.finish(index, blocks)
    }
    while (!control.waitForAll(index, blocks, PATIENCE)) yield
    if (!control.hasAdditions(end - 1)) continue
    if (isFirst) {
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

function runBlock({ units, unitsAtOnce, run }: Instruction, block: number): void {
  const from = block * unitsAtOnce
  run(from, Math.min(from + unitsAtOnce, units()))
}
