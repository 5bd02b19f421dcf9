import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Runtime {
  readonly name: string
  /** Of the environment: names its program, where it is not on the path. */
  readonly variable: string
  /** What its program is called; undefined for a version that only the variable can name. */
  readonly program?: string
  readonly parameters: readonly string[]
}

export const RUNTIMES: readonly Runtime[] = [
  { name: 'Node 22', variable: 'NODE_22', parameters: [] },
  { name: 'Node 26', variable: 'NODE_26', parameters: [] },
  { name: 'Deno', variable: 'DENO', program: 'deno', parameters: ['run', '--allow-all'] },
  { name: 'Bun', variable: 'BUN', program: 'bun', parameters: [] },
]

/** The path of its program; undefined, which it says, where it is not on this machine. For `describe.skipIf`. */
export function programOf({ name, variable, program }: Runtime): string | undefined {
  const named = process.env[variable]
  const folders = program === undefined ? [] : (process.env.PATH ?? '').split(delimiter)
  const paths = named === undefined ? folders.map((folder) => join(folder, program ?? '')) : [named]
  const found = paths.find((path) => existsSync(path))
  if (found === undefined) {
    console.warn(`Tests in ${name} are skipped: it is not installed, or ${variable} does not name its program.`)
  }
  return found
}

/** What `smoke.ts` prints, as it was built. */
export async function smoke(program: string, parameters: readonly string[], args: readonly string[]) {
  const script = fileURLToPath(new URL('../../../dist/testing/runtimes/smoke.js', import.meta.url))
  const { stdout } = await promisify(execFile)(program, [...parameters, script, ...args], { timeout: 50_000 })
  return JSON.parse(stdout) as Record<string, unknown>
}
