import { columnAfter } from './cursor-column.ts'

/** What LiveOutput needs of process.stdout and process.stderr. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const ERASE_BELOW = '\x1b[J'
const ERASE_LINE = '\r\x1b[2K'
/** Down and up again without changing the column: scrolls if the cursor is on the last row, so that a row is free. */
const MAKE_ROOM = '\x1bD\x1bM'
const SAVE_CURSOR = '\x1b7'
const RESTORE_CURSOR = '\x1b8'
const DOWN = '\x1b[1B'
const DEFAULT_COLUMNS = 80

/**
 * Text that grows on stdout, and a status line on stderr that lives in the row below it. Where stderr is not a
 * terminal there is no status line, and where stdout is not one the text arrives there untouched.
 */
export class LiveOutput {
  readonly #text: Terminal
  readonly #status: Terminal
  readonly #hasStatus: boolean
  #column = 0
  #shown = ''
  #drawn = false

  constructor(text: Terminal = process.stdout, status: Terminal = process.stderr) {
    this.#text = text
    this.#status = status
    this.#hasStatus = status.isTTY === true && process.env.TERM !== 'dumb'
  }

  /** @param printed what takes room on the screen, when `text` also holds escape sequences. */
  write(text: string, printed = text): void {
    if (text === '') return
    this.#erase()
    this.#text.write(text)
    this.#column = columnAfter(printed, this.#column, this.#text.isTTY ? this.#columns : Number.POSITIVE_INFINITY)
    this.#draw()
  }

  /** Moves to a new line, unless the cursor is at the start of one. */
  endLine(): void {
    if (this.#column > 0) this.write('\n')
  }

  /** Replaces the status line; an empty text removes it. */
  status(text: string): void {
    if (!this.#hasStatus || text === this.#shown) return
    this.#erase()
    this.#shown = text
    this.#draw()
  }

  get #columns(): number {
    return this.#status.columns || this.#text.columns || DEFAULT_COLUMNS
  }

  #draw(): void {
    if (this.#shown === '') return
    const line = `\x1b[2m${this.#shown.slice(0, this.#columns - 1)}\x1b[22m`
    if (!this.#text.isTTY || this.#column === 0) this.#status.write(`${ERASE_LINE}${line}\r`)
    // At the right edge the cursor hangs between two rows, which cannot be saved: wait for the next character.
    else if (this.#column >= this.#columns - 1) return
    else this.#status.write(`${MAKE_ROOM}${SAVE_CURSOR}${DOWN}${ERASE_LINE}${line}${RESTORE_CURSOR}`)
    this.#drawn = true
  }

  #erase(): void {
    if (!this.#drawn) return
    // In an empty row the terminal may have echoed a key, such as ^C, which goes with the status.
    this.#status.write(!this.#text.isTTY ? ERASE_LINE : this.#column === 0 ? `\r${ERASE_BELOW}` : ERASE_BELOW)
    this.#drawn = false
  }
}
