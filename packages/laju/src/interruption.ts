import { constants } from 'node:os'

/** How long an interrupted command may take to clean up before it is ended without asking. */
const PATIENCE_MS = 2000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Turns Ctrl-C and SIGTERM into an AbortSignal while a command runs; a second one ends the process at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController()
  #exitCode: number | undefined

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#interrupt)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What shells expect of a command that a signal ended: 128 and the signal's number. Undefined if none came. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#interrupt)
  }

  readonly #interrupt = (name: NodeJS.Signals): void => {
    const code = 128 + constants.signals[name]
    if (this.#exitCode !== undefined) process.exit(code)
    this.#exitCode = code
    setTimeout(() => process.exit(code), PATIENCE_MS).unref()
    this.#controller.abort(new Error(`${name} received`))
  }
}
