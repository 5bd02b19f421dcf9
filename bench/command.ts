/** A command line that cannot be understood: the message says what is wrong, the usage follows it. */
export class UsageError extends Error {}

/** Runs a bench command: exit code 2 with its usage for wrong usage, 1 with the message for any other failure. */
export async function runCommand(usage: string, command: () => Promise<void>): Promise<void> {
  if (process.argv.includes('--help')) {
    console.log(usage)
    return
  }
  try {
    await command()
  } catch (error) {
    const wrongUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
    const message = error instanceof Error ? error.message : String(error)
    console.error(wrongUsage ? `${message}\n\n${usage}` : message)
    process.exitCode = wrongUsage ? 2 : 1
  }
}

/** The value of a whole-number option. */
export function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least)
    throw new UsageError(`--${name} takes a whole number from ${least} up, not ${text}.`)
  return value
}
