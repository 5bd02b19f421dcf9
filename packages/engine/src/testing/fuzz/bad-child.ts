import { measured } from './measure.ts'
import type { FromChild } from './run.ts'

/** Case by case, what no loader may do: hang, take memory, throw, exit. */
const CASES = [
  () => {
    for (;;);
  },
  () => Buffer.alloc(200 * 2 ** 20, 1),
  () => {
    throw new TypeError('stumbled')
  },
  () => process.exit(3),
  () => {},
]

const [, from, to] = process.argv.slice(2).map(Number)
const tell = (message: FromChild) => new Promise<void>((resolve) => process.send?.(message, () => resolve()))
for (let index = from; index < to; index++) {
  await tell({ begun: index, container: 'bad', file: 'bad' })
  const taken = await measured(async () => {
    try {
      CASES[index]()
      return { outcome: 'runs' }
    } catch (error) {
      return { outcome: 'crash', stack: String(error) }
    }
  })
  await tell({ done: index, bytes: 0, milliseconds: 1, ...taken })
}
process.disconnect()
