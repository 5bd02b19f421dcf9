import type { Instruction } from './compile.ts'

/**
 * Replays a plan for the batch that its inputs hold. The units of an instruction are taken in blocks; threads will
 * claim them from a counter.
 */
export function replay(instructions: readonly Instruction[], afterwards?: (instruction: Instruction) => void): void {
  for (const instruction of instructions) {
    const units = instruction.units()
    const { unitsAtOnce, run } = instruction
    for (let from = 0; from < units; from += unitsAtOnce) run(from, Math.min(from + unitsAtOnce, units))
    afterwards?.(instruction)
  }
}
