import { describe, expect, test } from 'vitest'
import type { Instruction } from '../compile.ts'
import { replayTogether } from './replay-together.ts'
import { StepControl } from './step-control.ts'

const COUNTS = { tokens: 1, rows: 1, tasks: 1 }

function instruction(units: number, run: Instruction['run'], rest: Partial<Instruction> = {}): Instruction {
  return { name: 'test', units: () => units, unitsAtOnce: 4, run, output: undefined, ...rest }
}

/** The control of another thread over the same words. */
function another(control: StepControl): StepControl {
  const other = new StepControl(control.words)
  other.nextStep()
  return other
}

describe('a step of several threads', () => {
  test('computes each unit once, whoever takes it', () => {
    const done: string[] = []
    const instructions = [9, 2, 1, 17].map((units, i) => {
      return instruction(units, (from, to) => {
        for (let unit = from; unit < to; unit++) done.push(`${i}.${unit}`)
      })
    })
    const first = StepControl.create(instructions.length)
    first.begin(COUNTS, 2, () => false)
    const second = another(first)
    // A block of the first instruction, in the middle of which this thread stops for a while.
    const block = second.claim(0) ?? Number.NaN
    const step = replayTogether(instructions, first, true)
    expect(step.next().done).toBe(false)
    expect(done).toHaveLength(5)
    instructions[0].run(4 * block, 4 * block + 4)
    second.finish(0, 3)
    expect(step.next().done).toBe(true)
    expect(done).toHaveLength(29)
    expect(new Set(done).size).toBe(29)
  })

  test('does not wait for a thread that has claimed nothing, which then finds it over', () => {
    let runs = 0
    const instructions = [instruction(1, () => runs++), instruction(8, () => runs++)]
    const first = StepControl.create(2)
    first.begin(COUNTS, 2, () => false)
    const late = another(first)
    expect([...replayTogether(instructions, first, true)]).toEqual([])
    expect(runs).toBe(3)
    expect([...replayTogether(instructions, late, false)]).toEqual([])
    first.begin(COUNTS, 2, () => false)
    expect(late.claim(0)).toBeUndefined()
    expect([...replayTogether(instructions, late, false)]).toEqual([])
    expect(runs).toBe(3)
  })

  test('lets the first thread make additions before anybody goes on', () => {
    const order: string[] = []
    const addition = instruction(1, () => order.push('addition'))
    const instructions = [
      instruction(1, () => order.push('one'), { additions: [addition] }),
      instruction(1, () => order.push('two')),
    ]
    const first = StepControl.create(2)
    first.begin(COUNTS, 2, (instruction) => instruction === 0)
    const second = replayTogether(instructions, another(first), false)
    expect(second.next().done).toBe(false)
    expect(order).toEqual(['one'])
    expect([...replayTogether(instructions, first, true)]).toEqual([])
    expect(second.next().done).toBe(true)
    expect(order).toEqual(['one', 'addition', 'two'])
  })

  test('counts units anew where they depend on what came before', () => {
    let units = 0
    const found = instruction(1, () => {
      units = 9
    })
    let computed = 0
    const dependent: Instruction = {
      ...instruction(0, (from, to) => {
        computed += to - from
      }),
      units: () => units,
      unitsDependOnOthers: true,
    }
    const control = StepControl.create(2)
    control.begin(COUNTS, 2, () => false)
    const late = another(control)
    expect([...replayTogether([found, dependent], control, true)]).toEqual([])
    expect(computed).toBe(9)
    // Later in the step the same place holds another number; a late thread goes by what was agreed upon.
    units = 99
    expect([...replayTogether([found, dependent], late, false)]).toEqual([])
    expect(computed).toBe(9)
  })

  test('there may be no further one', () => {
    const control = StepControl.create(1)
    control.end()
    expect(new StepControl(control.words).nextStep()).toBe(false)
  })
})
