import type { Arguments } from './arguments.ts'

export interface CommandOption {
  readonly type: 'boolean' | 'string'
  readonly multiple?: boolean
  /** How the help names the value of a string option. */
  readonly value?: string
  readonly help: string
}

export interface Parameter {
  readonly name: string
  readonly help: string
  readonly optional?: boolean
}

export interface Example {
  readonly line: string
  readonly help: string
}

/** What `laju NAME` takes, how its help reads, and what it does. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly parameters: readonly Parameter[]
  readonly options: Readonly<Record<string, CommandOption>>
  readonly examples: readonly Example[]
  /** @param signal aborts when the user interrupts the command. */
  run(given: Arguments, signal: AbortSignal): Promise<void>
}
