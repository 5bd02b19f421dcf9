import type { Instruction } from './compile.ts'

/** Replays a plan for the batch that its inputs hold, on this thread alone. */
export function replay(instructions: readonly Instruction[], afterwards?: (instruction: Instruction) => void): void {
  for (const instruction of instructions) {
    runWhole(instruction)
    for (const addition of instruction.additions ?? []) runWhole(addition)
    afterwards?.(instruction)
  }
}

/** All units of an instruction, in blocks. */
export function runWhole({ units, unitsAtOnce, run }: Instruction): void {
  const count = units()
  for (let from = 0; from < count; from += unitsAtOnce) run(from, Math.min(from + unitsAtOnce, count))
}
