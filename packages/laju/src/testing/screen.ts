import type { Terminal } from '../terminal/live-output.ts'

/** A terminal of a few rows that understands the escape sequences laju writes, to see what a person would see. */
export class Screen implements Terminal {
  readonly isTTY = true
  readonly columns: number
  readonly #rows: number
  /** Every row so far, those that scrolled out of sight included. */
  #lines: string[] = ['']
  #row = 0
  #column = 0
  #saved = { row: 0, column: 0 }

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.#rows = rows
  }

  get lines(): readonly string[] {
    return this.#lines.map((line) => line.trimEnd())
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are the subject
    for (const [token] of text.matchAll(/\x1b\[\d*[A-Za-z]|\x1b.|[\s\S]/gu)) this.#obey(token)
  }

  #obey(token: string): void {
    if (token === '\r') this.#column = 0
    else if (token === '\n') this.#lineFeed(0)
    else if (token === '\x1bD') this.#lineFeed(this.#column)
    else if (token === '\x1bM') this.#moveTo(this.#row - 1, this.#column)
    else if (token === '\x1b7') this.#saved = { row: this.#row, column: this.#column }
    else if (token === '\x1b8') this.#moveTo(this.#saved.row, this.#saved.column)
    else if (token === '\x1b[1B') this.#moveTo(Math.min(this.#row + 1, this.#lines.length - 1), this.#column)
    else if (token === '\x1b[2K') this.#lines[this.#row] = ''
    else if (token === '\x1b[J') this.#eraseBelow()
    else if (!token.startsWith('\x1b')) this.#print(token)
    else if (!token.endsWith('m')) throw new Error(`unknown sequence ${JSON.stringify(token)}`)
  }

  #print(character: string): void {
    if (this.#column >= this.columns) this.#lineFeed(0)
    const line = this.#line().padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
    this.#column++
  }

  /** At the right edge the cursor stands on the last character, which is erased with what follows. */
  #eraseBelow(): void {
    this.#lines[this.#row] = this.#line().slice(0, Math.min(this.#column, this.columns - 1))
    this.#lines.length = this.#row + 1
  }

  #lineFeed(column: number): void {
    this.#moveTo(this.#row + 1, column)
    if (this.#row === this.#lines.length) this.#lines.push('')
  }

  #moveTo(row: number, column: number): void {
    const top = Math.max(0, this.#lines.length - this.#rows)
    this.#row = Math.max(row, top)
    // A wrap that was still to come is forgotten when the cursor moves.
    this.#column = Math.min(column, this.columns - 1)
  }

  #line(): string {
    return this.#lines[this.#row] ?? ''
  }
}
