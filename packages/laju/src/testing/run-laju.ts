import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const LAJU = fileURLToPath(new URL('../../bin/laju.js', import.meta.url))

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
}

/** Starts the built command as a user would, without a terminal. */
export function startLaju(typed: readonly string[]): ChildProcess {
  return spawn(process.execPath, [LAJU, ...typed], { stdio: 'pipe', env: { ...process.env, FORCE_COLOR: '1' } })
}

/** Runs the built command to its end. */
export async function runLaju(typed: readonly string[], stdin = ''): Promise<Ended> {
  const child = startLaju(typed)
  child.stdin?.end(stdin)
  return ended(child)
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr] = await Promise.all([readAll(child.stdout), readAll(child.stderr)])
  return { stdout, stderr, exitCode: await exit }
}

function readAll(stream: NodeJS.ReadableStream | null): Promise<string> {
  return stream ? text(stream) : Promise.resolve('')
}
