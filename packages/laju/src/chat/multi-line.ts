const FENCE = '```'

/**
 * Puts a message together from the lines a person types: a line that ends in a backslash continues on the next one,
 * a line that starts with three backquotes opens a block that lasts to a line of three backquotes, and pasted lines
 * belong together.
 */
export class MultiLine {
  #lines: string[] = []
  #block: 'none' | 'bare' | 'code' = 'none'

  /** Whether a message was begun and not ended. */
  get isOpen(): boolean {
    return this.#lines.length > 0 || this.#block !== 'none'
  }

  /** Takes the next line and returns the message if that completes it. */
  add(line: string, isPasted = false): string | undefined {
    if (this.#block !== 'none') return this.#addToBlock(line)
    if (!this.isOpen && line.startsWith(FENCE)) return this.#openBlock(line)
    if (!isPasted && line.endsWith('\\')) {
      this.#lines.push(line.slice(0, -1))
      return undefined
    }
    this.#lines.push(line)
    return isPasted ? undefined : this.#take()
  }

  clear(): void {
    this.#lines = []
    this.#block = 'none'
  }

  /** Bare fences only mark the block; with a language they are part of the message, so that the model sees code. */
  #openBlock(line: string): undefined {
    this.#block = line.trim() === FENCE ? 'bare' : 'code'
    if (this.#block === 'code') this.#lines.push(line)
  }

  #addToBlock(line: string): string | undefined {
    const ends = line.trim() === FENCE
    if (!ends || this.#block === 'code') this.#lines.push(line)
    return ends ? this.#take() : undefined
  }

  #take(): string {
    const message = this.#lines.join('\n')
    this.clear()
    return message
  }
}
