import { parseArgs } from 'node:util'
import type { Command } from './command.ts'
import { UsageError } from './usage-error.ts'

type Value = string | boolean | (string | boolean)[] | undefined

const BYTES_IN: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((prefix, i): [string, number][] => [
    [`${prefix}b`, 1000 ** (i + 1)],
    [`${prefix}ib`, 1024 ** (i + 1)],
  ]),
])

/** The arguments a command was given. Reading one as a number or a choice checks it. */
export class Arguments {
  readonly #positionals: readonly string[]
  readonly #values: Readonly<Record<string, Value>>

  constructor(positionals: readonly string[], values: Readonly<Record<string, Value>>) {
    this.#positionals = positionals
    this.#values = values
  }

  positional(index: number): string | undefined {
    return this.#positionals[index]
  }

  /** A parameter that the command's table calls required, so that it is here. */
  required(index: number): string {
    const value = this.#positionals[index]
    if (value === undefined) throw new UsageError('An argument is missing.')
    return value
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  list(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  }

  integer(name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
    return inRange(name, text, 'a whole number', value, least, most)
  }

  number(name: string, least = -Number.MAX_VALUE, most = Number.MAX_VALUE): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = text.trim() === '' ? Number.NaN : Number(text)
    return inRange(name, text, 'a number', value, least, most)
  }

  /** A number of bytes: `1.2GB`, `300 MB`, `1GiB`, or without a unit. */
  bytes(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const [, number, unit = 'b'] = /^([\d.]+) ?([kmgt]?i?b)?$/i.exec(text.trim()) ?? []
    const value = Math.floor(Number(number) * (BYTES_IN.get(unit.toLowerCase()) ?? Number.NaN))
    if (value >= 1 && Number.isSafeInteger(value)) return value
    throw new UsageError(`--${name} must be a number of bytes such as 1.2GB or 800MB, not "${text}".`)
  }

  /** One of some names, in capitals or not. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (found === undefined) throw new UsageError(`--${name} must be ${choices.join(' or ')}, not "${text}".`)
    return found
  }

  /** Refuses two options that contradict each other. */
  refuseTogether(first: string, second: string): void {
    if (this.#values[first] === undefined || this.#values[second] === undefined) return
    throw new UsageError(`--${first} and --${second} cannot be used together.`)
  }
}

function inRange(name: string, text: string, kind: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value
  const from = least > -Number.MAX_VALUE ? ` from ${least}` : ''
  const to = most < Number.MAX_SAFE_INTEGER ? `${from === '' ? ' up' : ''} to ${most}` : ''
  throw new UsageError(`--${name} must be ${kind}${from}${to}, not "${text}".`)
}

/** Reads what was typed after the command's name, strictly: anything unknown or missing is a UsageError. */
export function parseArguments(command: Command, typed: readonly string[]): Arguments {
  const { positionals, values } = parseStrictly(command, typed)
  const most = command.parameters.length
  const extra = positionals[most]
  if (extra !== undefined) throw new UsageError(`Unexpected argument "${extra}". Put quotes around text with spaces.`)
  const missing = command.parameters[positionals.length]
  if (missing && !missing.optional) throw new UsageError(`${missing.name} is missing.`)
  return new Arguments(positionals, values)
}

function parseStrictly(command: Command, typed: readonly string[]) {
  const options: Record<string, { type: 'boolean' | 'string'; multiple?: boolean }> = {}
  for (const [name, { type, multiple = false }] of Object.entries(command.options)) options[name] = { type, multiple }
  try {
    return parseArgs({ args: [...typed], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw isParseError(error) ? new UsageError(parseProblem(error)) : error
  }
}

function isParseError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

/** Node's first sentence says what is wrong; what follows is about its API more than about the command. */
function parseProblem({ message }: Error): string {
  const [sentence = message] = message.split(/\.?\n|\. /)
  if (/^Unknown option '-[^-]/.test(sentence)) return `${sentence}. Text that starts with a dash goes after " -- ".`
  if (/ambiguous$/.test(sentence)) return `${sentence}. Write a value that starts with a dash as "--option=-1".`
  return `${sentence}.`
}
