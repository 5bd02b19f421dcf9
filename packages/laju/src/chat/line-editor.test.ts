import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { LineEditor } from './line-editor.ts'

const CTRL_C = '\x03'
const CTRL_D = '\x04'
const UP = '\x1b[A'

let input: PassThrough
let output: PassThrough
let editor: LineEditor

function open(): void {
  input = new PassThrough()
  output = new PassThrough()
  editor = new LineEditor(input, output, '> ')
}

function shown(): string {
  return String(output.read() ?? '')
}

/** Lets what was written to `input` arrive. */
function arrived(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}

afterEach(() => editor.close())

describe('LineEditor', () => {
  it('reads a line, and the one before with the up key', async () => {
    open()
    const first = editor.read()
    input.write('hello\r')
    expect(await first).toBe('hello')
    const second = editor.read()
    input.write(`${UP} you\r`)
    expect(await second).toBe('hello you')
  })

  it('reads several lines as one message', async () => {
    open()
    const message = editor.read()
    input.write('one\\\rtwo\r')
    expect(await message).toBe('one\ntwo')
  })

  it('takes pasted lines as one message', async () => {
    open()
    const message = editor.read()
    input.write('\x1b[200~one\rtwo\rthree\x1b[201~')
    await arrived()
    input.write('\r')
    expect(await message).toBe('one\ntwo\nthree')
  })

  it('keeps what is typed during an answer, and shows it at the next prompt', async () => {
    open()
    const first = editor.read()
    input.write('one\r')
    await first
    shown()
    input.write('two\rthr')
    await arrived()
    expect(shown()).toBe('')
    expect(await editor.read()).toBe('two')
    expect(shown()).toBe('> two\n')
    const third = editor.read()
    expect(shown()).toContain('> thr')
    input.write('ee\r')
    expect(await third).toBe('three')
  })

  it('stops the work with Ctrl-C, not the program', async () => {
    open()
    let stopped = 0
    await editor.during(
      async () => {
        input.write(CTRL_C)
        await arrived()
      },
      () => stopped++,
    )
    expect(stopped).toBe(1)
    const next = editor.read()
    input.write('on\r')
    expect(await next).toBe('on')
  })

  it('drops a line with Ctrl-C, and leaves at the second on an empty one', async () => {
    open()
    const message = editor.read()
    input.write(`half${CTRL_C}`)
    await arrived()
    input.write(`${CTRL_C}`)
    await arrived()
    input.write(`whole\r`)
    expect(await message).toBe('whole')
    const last = editor.read()
    input.write(CTRL_C + CTRL_C)
    expect(await last).toBeUndefined()
  })

  it('leaves with Ctrl-D, and stays left', async () => {
    open()
    const message = editor.read()
    input.write(CTRL_D)
    expect(await message).toBeUndefined()
    expect(await editor.read()).toBeUndefined()
  })
})
