import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** What a program prints. What it says on the way is shown where it fails. */
export async function output(program: string, typed: readonly string[]): Promise<string> {
  const child = spawn(program, typed, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  const [printed, said, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  if (code !== 0) throw new Error(`${program} ended with exit code ${code}.\n${said.slice(-2000)}`)
  return printed
}
