import { createInterface, type Interface, type Key } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { MultiLine } from './multi-line.ts'

/** What LineEditor needs of process.stdout. */
type Screen = Writable & { readonly columns?: number }

const PASTE_ON = '\x1b[?2004h'
const PASTE_OFF = '\x1b[?2004l'
const CONTINUED = '… '
const HISTORY = 1000

/**
 * Reads messages from a person at a terminal, with line editing and history. While the program works, what is typed
 * is kept but not shown, and Ctrl-C stops the work instead of the program.
 */
export class LineEditor {
  readonly #output: Screen
  readonly #echo: Echo
  readonly #lines: Interface
  readonly #message = new MultiLine()
  readonly #prompt: string
  /** Messages that were typed or pasted before they were asked for. */
  readonly #early: string[] = []
  #waiting: ((message: string | undefined) => void) | undefined
  #stopWork: (() => void) | undefined
  #pasting = false
  #leaving = false
  #closed = false

  constructor(input: Readable, output: Screen, prompt: string) {
    this.#output = output
    this.#prompt = prompt
    this.#echo = new Echo(output)
    this.#lines = createInterface({
      input,
      output: this.#echo,
      terminal: true,
      historySize: HISTORY,
      removeHistoryDuplicates: true,
      crlfDelay: Number.POSITIVE_INFINITY,
    })
    this.#lines.on('line', (line) => this.#line(line))
    this.#lines.on('SIGINT', () => this.#interrupt())
    this.#lines.on('close', () => this.#end())
    input.on('keypress', (_text: string | undefined, key: Key) => this.#key(key))
    output.write(PASTE_ON)
    this.#echo.open = false
  }

  /** The next message; undefined when the person leaves. */
  read(): Promise<string | undefined> {
    const early = this.#early.shift()
    if (early !== undefined) this.#output.write(`${this.#prompt}${early.replaceAll('\n', `\n${CONTINUED}`)}\n`)
    if (early !== undefined || this.#closed) return Promise.resolve(early)
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#echo.open = true
      this.#showPrompt(true)
    })
  }

  /** Does `work`; Ctrl-C calls `stop` meanwhile. */
  async during<T>(work: () => Promise<T>, stop: () => void): Promise<T> {
    this.#stopWork = stop
    try {
      return await work()
    } finally {
      this.#stopWork = undefined
    }
  }

  close(): void {
    this.#output.write(PASTE_OFF)
    this.#lines.close()
  }

  #line(line: string): void {
    this.#leaving = false
    const message = this.#message.add(line, this.#pasting)
    if (message === undefined) this.#showPrompt()
    else if (this.#waiting) this.#give(message)
    else this.#early.push(message)
  }

  #key(key: Key): void {
    if (key.name === 'paste-start') this.#pasting = true
    if (key.name === 'paste-end') this.#pasting = false
  }

  #interrupt(): void {
    const isEmpty = this.#lines.line === '' && !this.#message.isOpen
    if (!this.#waiting) this.#stopWork?.()
    else if (isEmpty && this.#leaving) this.#lines.close()
    else this.#cancelMessage(isEmpty)
  }

  /** As in a shell, Ctrl-C drops what was typed; on an empty line it asks whether to leave. */
  #cancelMessage(isEmpty: boolean): void {
    this.#leaving = isEmpty
    this.#output.write(isEmpty ? '\n(Ctrl-C again leaves, as does Ctrl-D)\n' : '^C\n')
    this.#message.clear()
    this.#clearLine()
    this.#showPrompt()
  }

  #clearLine(): void {
    this.#echo.open = false
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    this.#echo.open = true
  }

  #showPrompt(keepCursor = false): void {
    this.#lines.setPrompt(this.#message.isOpen ? CONTINUED : this.#prompt)
    this.#lines.prompt(keepCursor)
  }

  #end(): void {
    this.#closed = true
    if (!this.#waiting) return
    this.#output.write('\n')
    this.#give(undefined)
  }

  #give(message: string | undefined): void {
    const resolve = this.#waiting
    this.#waiting = undefined
    this.#echo.open = false
    resolve?.(message)
  }
}

/** The terminal as readline writes to it; closed while the program itself writes there. */
class Echo extends Writable {
  open = true
  readonly isTTY = true
  readonly #terminal: Screen

  constructor(terminal: Screen) {
    super({ decodeStrings: false })
    this.#terminal = terminal
    terminal.on('resize', () => this.emit('resize'))
  }

  get columns(): number | undefined {
    return this.#terminal.columns
  }

  override _write(text: string | Uint8Array, _encoding: string, done: () => void): void {
    if (this.open) this.#terminal.write(text)
    done()
  }
}
