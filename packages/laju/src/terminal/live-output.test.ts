import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Screen } from '../testing/screen.ts'
import { LiveOutput, type Terminal } from './live-output.ts'

class Pipe implements Terminal {
  text = ''
  write(text: string): void {
    this.text += text
  }
}

describe('LiveOutput', () => {
  it('keeps a status line in the row below the text', () => {
    const screen = new Screen(20, 4)
    const output = new LiveOutput(screen, screen)
    output.write('one')
    output.status('42 tokens/s')
    expect(screen.lines).toEqual(['one', '42 tokens/s'])
    output.write(' two\nthree')
    expect(screen.lines).toEqual(['one two', 'three', '42 tokens/s'])
    output.status('')
    output.endLine()
    expect(screen.lines).toEqual(['one two', 'three', ''])
  })

  it('never changes the text, whatever is written and wherever it wraps', () => {
    const action = fc.oneof(
      fc.record({ write: fc.stringMatching(/^[a-z \n]{0,25}$/) }),
      fc.record({ status: fc.stringMatching(/^[A-Z]{0,30}$/) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), fc.integer({ min: 3, max: 12 }), (actions, columns) => {
        const plain = new Screen(columns, 4)
        const live = new Screen(columns, 4)
        const output = new LiveOutput(live, live)
        for (const step of actions) {
          if ('write' in step) {
            plain.write(step.write)
            output.write(step.write)
          } else output.status(step.status)
        }
        output.status('')
        plain.write('.')
        output.write('.')
        expect(live.lines).toEqual(plain.lines)
      }),
      { numRuns: 500 },
    )
  })

  it('shows nothing of the status where stderr is not a terminal', () => {
    const [text, status] = [new Pipe(), new Pipe()]
    const output = new LiveOutput(text, status)
    output.write('answer')
    output.status('42 tokens/s')
    output.write('\n')
    expect(text.text).toBe('answer\n')
    expect(status.text).toBe('')
  })

  it('keeps the status off stdout where only stderr is a terminal', () => {
    const text = new Pipe()
    const status = new Screen(20, 4)
    const output = new LiveOutput(text, status)
    output.write('answer')
    output.status('42 tokens/s')
    expect(status.lines).toEqual(['42 tokens/s'])
    output.status('')
    expect(status.lines).toEqual([''])
    expect(text.text).toBe('answer')
  })
})
