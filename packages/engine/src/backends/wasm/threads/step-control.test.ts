import { describe, expect, test } from 'vitest'
import type { Instruction } from '../compile.ts'
import { replayTogether } from './replay-together.ts'
import { StepControl } from './step-control.ts'

const COUNTS = { tokens: 1, rows: 1, tasks: 1, runs: 1 }

function instruction(units: number, run: Instruction['run'], rest: Partial<Instruction> = {}): Instruction {
  return { name: 'test', units: () => units, unitsAtOnce: 4, run, output: undefined, ...rest }
}

/** The control of the second thread over the same words. */
function another(control: StepControl): StepControl {
  const other = new StepControl(control.words, control.size, 1)
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
    const first = StepControl.create(instructions.length, 2)
    first.begin(COUNTS, 2, () => false)
    const second = another(first)
    // A block of the first instruction, in the middle of which this thread stops for a while.
    const { from, to } = second.claim(0, 3) ?? { from: 0, to: 0 }
    const step = replayTogether(instructions, first)
    expect(step.next().done).toBe(false)
    expect(done).toHaveLength(8)
    instructions[0].run(4 * from, Math.min(4 * to, 9))
    second.finish(0, to - from, 3)
    expect(step.next().done).toBe(true)
    expect(done).toHaveLength(29)
    expect(new Set(done).size).toBe(29)
  })

  test('does not wait for a thread that has claimed nothing, which then finds it over', () => {
    let runs = 0
    const instructions = [instruction(1, () => runs++), instruction(8, () => runs++)]
    const first = StepControl.create(2, 2)
    first.begin(COUNTS, 2, () => false)
    const late = another(first)
    expect([...replayTogether(instructions, first)]).toEqual([])
    expect(runs).toBe(3)
    expect([...replayTogether(instructions, late)]).toEqual([])
    first.begin(COUNTS, 2, () => false)
    expect(late.claim(0, 1)).toBeUndefined()
    expect([...replayTogether(instructions, late)]).toEqual([])
    expect(runs).toBe(3)
  })

  test('lets the first thread make additions before anybody goes on', () => {
    const order: string[] = []
    const addition = instruction(1, () => order.push('addition'))
    const instructions = [
      instruction(1, () => order.push('one'), { additions: [addition] }),
      instruction(1, () => order.push('two')),
    ]
    const first = StepControl.create(2, 2)
    first.begin(COUNTS, 2, (instruction) => instruction === 0)
    const second = replayTogether(instructions, another(first))
    expect(second.next().done).toBe(false)
    expect(order).toEqual(['one'])
    expect([...replayTogether(instructions, first)]).toEqual([])
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
    const control = StepControl.create(2, 2)
    control.begin(COUNTS, 2, () => false)
    const late = another(control)
    expect([...replayTogether([found, dependent], control)]).toEqual([])
    expect(computed).toBe(9)
    // Later in the step the same place holds another number; a late thread goes by what was agreed upon.
    units = 99
    expect([...replayTogether([found, dependent], late)]).toEqual([])
    expect(computed).toBe(9)
  })

  test('claims from its own share first, half of what is left at a time, and then from the others', () => {
    const first = StepControl.create(1, 2)
    first.begin(COUNTS, 2, () => false)
    const second = another(first)
    const claims: (number | string)[][] = []
    const claim = (name: string, control: StepControl) => {
      const { from, to } = control.claim(0, 15) ?? { from: 0, to: 0 }
      claims.push([name, from, to])
    }
    for (const control of [first, second]) claim(control === first ? 'first' : 'second', control)
    for (let i = 0; i < 6; i++) claim('second', second)
    claim('first', first)
    expect(claims).toEqual([
      ['first', 0, 4],
      ['second', 8, 12],
      ['second', 12, 14],
      ['second', 14, 15],
      ['second', 4, 6],
      ['second', 6, 7],
      ['second', 7, 8],
      ['second', 0, 0],
      ['first', 0, 0],
    ])
  })

  test.each([1, 2, 3, 8])('claims every block once, with %i threads and any number of blocks', (threads) => {
    for (const blocks of [1, 2, 5, 64, 1187]) {
      const first = StepControl.create(1, threads)
      first.begin(COUNTS, threads, () => false)
      const all = [
        first,
        ...Array.from({ length: threads - 1 }, (_, i) => new StepControl(first.words, threads, i + 1)),
      ]
      for (const other of all.slice(1)) other.nextStep()
      const claimed: number[] = []
      for (let turn = 0, empty = 0; empty < threads; turn++) {
        const { from, to } = all[(turn * turn) % threads].claim(0, blocks) ?? { from: 0, to: 0 }
        empty = from === to ? empty + 1 : 0
        for (let block = from; block < to; block++) claimed.push(block)
      }
      expect(claimed.sort((a, b) => a - b)).toEqual(Array.from({ length: blocks }, (_, block) => block))
    }
  })

  test('there may be no further one', () => {
    const control = StepControl.create(1, 2)
    control.end()
    expect(new StepControl(control.words, 2, 1).nextStep()).toBe(false)
  })
})
