import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { cpus, homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** How many threads of so many were fastest at writing, and when that was measured. */
export interface MeasuredThreads {
  readonly threads: number
  readonly measured: Date
}

/** A busy hour must not be remembered for ever. */
const DAYS_KEPT = 7
const DAY = 24 * 60 * 60 * 1000

/**
 * What was measured on this device with so many threads at most; undefined where nothing was, or long ago. A file that
 * is broken says nothing.
 */
export async function recallThreads(most: number): Promise<MeasuredThreads | undefined> {
  const entry: unknown = (await readAll())[await keyOf(most)]
  if (typeof entry !== 'object' || entry === null || !('threads' in entry && 'measured' in entry)) return undefined
  const { threads, measured } = entry
  if (typeof threads !== 'number' || !Number.isInteger(threads) || threads < 1 || threads > most) return undefined
  const time = typeof measured === 'string' ? Date.parse(measured) : Number.NaN
  return Math.abs(Date.now() - time) < DAYS_KEPT * DAY ? { threads, measured: new Date(time) } : undefined
}

/** Where nothing can be written, it is measured again another time. */
export async function rememberThreads(most: number, threads: number): Promise<void> {
  const all = { ...(await readAll()), [await keyOf(most)]: { threads, measured: new Date().toISOString() } }
  try {
    const file = memoryFile()
    const part = `${file}.${process.pid}-part`
    await mkdir(dirname(file), { recursive: true })
    await writeFile(part, `${JSON.stringify(all, undefined, 2)}\n`)
    await rename(part, file)
  } catch {
    // As said above.
  }
}

/** In the user's cache: `$XDG_CACHE_HOME/laju`, or `~/.cache/laju`. */
function memoryFile(): string {
  const cache = process.env.XDG_CACHE_HOME
  return join(cache === undefined || cache === '' ? join(homedir(), '.cache') : cache, 'laju', 'threads.json')
}

async function readAll(): Promise<Record<string, unknown>> {
  try {
    const all: unknown = JSON.parse(await readFile(memoryFile(), 'utf8'))
    return typeof all === 'object' && all !== null ? { ...all } : {}
  } catch {
    return {}
  }
}

/** Another processor, another number of them and other kernels may have another answer. */
async function keyOf(most: number): Promise<string> {
  const file = await readFile(new URL('../../package.json', import.meta.url), 'utf8').catch(() => '{}')
  const processors = cpus()
  const { model = 'unknown' } = processors[0] ?? {}
  return `${model.trim()}, ${processors.length} processors, laju ${JSON.parse(file).version}: of ${most} threads`
}
