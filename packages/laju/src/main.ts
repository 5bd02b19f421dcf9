import { readFileSync } from 'node:fs'
import { parseArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { bench } from './commands/bench.ts'
import { chat } from './commands/chat.ts'
import { doctor } from './commands/doctor.ts'
import { inspect } from './commands/inspect.ts'
import { list } from './commands/list.ts'
import { logits } from './commands/logits.ts'
import { pull } from './commands/pull.ts'
import { quantize } from './commands/quantize.ts'
import { remove } from './commands/remove.ts'
import { run } from './commands/run.ts'
import { tokenize } from './commands/tokenize.ts'
import { commandHelp, overview, usageLine } from './help.ts'
import { Interruption } from './interruption.ts'
import { errorLines, exitCodeOf } from './report-error.ts'
import { UsageError } from './usage-error.ts'

const COMMANDS: readonly Command[] = [chat, run, pull, list, remove, inspect, quantize, tokenize, logits, bench, doctor]

/**
 * Runs the command that was typed and answers the exit code: 0 ok, 1 failure, 2 wrong usage, 130 or 143 when a
 * signal ended it.
 */
export async function main(typed: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', endQuietlyOnBrokenPipe).on('error', endQuietlyOnBrokenPipe)
  }
  using interruption = new Interruption()
  try {
    await dispatch(typed, interruption.signal)
    return interruption.exitCode ?? 0
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode
    console.error(errorLines(error))
    if (error instanceof UsageError) console.error(usageHint(typed))
    return exitCodeOf(error)
  }
}

async function dispatch([name, ...rest]: readonly string[], signal: AbortSignal): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h') return console.log(overview(COMMANDS))
  if (name === '--version' || name === '-v') return console.log(version())
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (!command) throw new UsageError(`Unknown ${name.startsWith('-') ? 'option' : 'command'} "${name}".`)
  if (asksForHelp(rest)) return console.log(commandHelp(command))
  await command.run(parseArguments(command, rest), signal)
}

/** After `--` everything is an argument. */
function asksForHelp(typed: readonly string[]): boolean {
  const end = typed.indexOf('--')
  const options = end < 0 ? typed : typed.slice(0, end)
  return options.includes('--help') || options.includes('-h')
}

function usageHint(typed: readonly string[]): string {
  const command = COMMANDS.find((candidate) => candidate.name === typed[0])
  if (!command) return 'what to do: See "laju --help".'
  return `what to do: Use it as "${usageLine(command)}"; see "laju ${command.name} --help".`
}

function version(): string {
  const file = new URL('../package.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}

/** `laju … | head` closes the pipe early, and that is no failure. */
function endQuietlyOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}
