import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

// What is measured is not exported by the package, and an import statement must not reach into another project.
const ENGINE = new URL('../packages/engine/src/', import.meta.url)
const engine = (path: string): string => new URL(path, ENGINE).href
const { openFile }: typeof import('../packages/engine/src/bytes/file-source.ts') = await import(
  engine('bytes/file-source.ts')
)
const { openGguf }: typeof import('../packages/engine/src/weights/gguf.ts') = await import(engine('weights/gguf.ts'))
const { tokenizerFromGguf }: typeof import('../packages/engine/src/tokenizer/from-gguf.ts') = await import(
  engine('tokenizer/from-gguf.ts')
)
const { tokenizerFromJson }: typeof import('../packages/engine/src/tokenizer/from-tokenizer-json.ts') = await import(
  engine('tokenizer/from-tokenizer-json.ts')
)

const USAGE = `Measures how long a tokenizer takes to load, what it holds in memory, and how fast it encodes.

  node bench/tokenizer.ts FILE [--runs N] [--text FILE] [--json]

  FILE         a GGUF file, or a tokenizer.json: its load is compared with JSON.parse alone
  --runs N     how often, each time in a new process, by turns (default 7)
  --text FILE  what to encode (default: the project's documentation, again and again up to 1 MB)
  --json       print the report as JSON`

const TEXT_LENGTH = 1e6

/** What one process measures. */
interface Run extends Load {
  readonly heldMegabytes: number
  readonly tokens: number
  /** Of UTF-8, the first time a text is seen and the second. */
  readonly firstMegabytesPerSecond: number
  readonly megabytesPerSecond: number
}

/** CPU time is that of the thread that loads: a busy machine changes it less than the time that passes. */
interface Load {
  readonly loadMilliseconds: number
  readonly loadCpuMilliseconds: number
}

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '7' },
      text: { type: 'string' },
      json: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one file.')
  if (values.only === 'parse') console.log(JSON.stringify(await parse(file)))
  else if (values.only === 'load') console.log(JSON.stringify(await measure(file, values.text)))
  else report(file, wholeNumber('runs', values.runs, 1), values.text, values.json)
})

function report(file: string, count: number, text: string | undefined, json: boolean): void {
  const isJson = file.endsWith('.json')
  const runs: Run[] = []
  const parses: Load[] = []
  for (let i = 0; i < count; i++) {
    if (isJson) parses.push(JSON.parse(runAlone(file, 'parse', text)))
    runs.push(JSON.parse(runAlone(file, 'load', text)))
  }
  const of = (key: keyof Run) => quartiles(runs.map((run) => run[key]))
  const ratio = (key: keyof Load) => quartiles(runs.map((run, i) => run[key] / (parses[i]?.[key] ?? 0)))
  const figures = {
    file,
    machine: describeMachine(),
    loadMilliseconds: of('loadMilliseconds'),
    loadCpuMilliseconds: of('loadCpuMilliseconds'),
    ...(isJson && {
      parseMilliseconds: quartiles(parses.map((parse) => parse.loadMilliseconds)),
      parseCpuMilliseconds: quartiles(parses.map((parse) => parse.loadCpuMilliseconds)),
      loadOverParse: ratio('loadMilliseconds'),
      loadOverParseCpu: ratio('loadCpuMilliseconds'),
    }),
    heldMegabytes: of('heldMegabytes'),
    tokens: runs[0]?.tokens,
    firstMegabytesPerSecond: of('firstMegabytesPerSecond'),
    megabytesPerSecond: of('megabytesPerSecond'),
  }
  if (json) {
    console.log(JSON.stringify(figures, undefined, 2))
    return
  }
  const { cpu, cores, runtime } = figures.machine
  console.log(`${cpu}, ${cores} cores, ${runtime}; median (quartiles) of ${count} processes`)
  for (const [name, value] of Object.entries(figures)) {
    if (typeof value !== 'object' || !('median' in value)) continue
    console.log(
      `${name.padEnd(24)} ${value.median.toFixed(2)} (${value.lower.toFixed(2)} to ${value.upper.toFixed(2)})`,
    )
  }
}

function runAlone(file: string, only: 'parse' | 'load', text: string | undefined): string {
  const options = ['--only', only, ...(text === undefined ? [] : ['--text', text])]
  const child = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), file, ...options], {
    encoding: 'utf8',
  })
  if (child.status !== 0) throw new Error(child.stderr)
  return child.stdout
}

async function timed<T>(work: () => T | Promise<T>): Promise<Load & { result: T }> {
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  const result = await work()
  const loadMilliseconds = performance.now() - start
  const { user, system } = process.threadCpuUsage(cpu)
  return { loadMilliseconds, loadCpuMilliseconds: (user + system) / 1000, result }
}

async function parse(file: string): Promise<Load> {
  const text = readFileSync(file, 'utf8')
  const { loadMilliseconds, loadCpuMilliseconds } = await timed(() => JSON.parse(text))
  return { loadMilliseconds, loadCpuMilliseconds }
}

async function measure(file: string, textFile: string | undefined): Promise<Run> {
  const before = await heldBytes()
  const { result: tokenizer, ...load } = file.endsWith('.json') ? await loadJson(file) : await loadGguf(file)
  const held = (await heldBytes()) - before
  const text = textFile === undefined ? documentation() : readFileSync(textFile, 'utf8')
  const megabytes = Buffer.byteLength(text) / 1e6
  const first = await timed(() => tokenizer.encode(text).length)
  const second = await timed(() => tokenizer.encode(text).length)
  return {
    ...load,
    heldMegabytes: held / 1e6,
    tokens: first.result,
    firstMegabytesPerSecond: (1000 * megabytes) / first.loadMilliseconds,
    megabytesPerSecond: (1000 * megabytes) / second.loadMilliseconds,
  }
}

async function loadJson(file: string) {
  const bytes = readFileSync(file)
  return timed(() => tokenizerFromJson(bytes, file))
}

/** With the header that it is in. */
async function loadGguf(file: string) {
  const source = await openFile(file)
  const loaded = await timed(async () => tokenizerFromGguf((await openGguf(source)).metadata, file))
  await source.close()
  return loaded
}

/** What is still held after collecting garbage: objects, and the memory of typed arrays. */
async function heldBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function documentation(): string {
  const folder = new URL('../docs/', import.meta.url)
  const pages = readdirSync(folder).filter((name) => name.endsWith('.md'))
  const text = pages.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  if (text === '') throw new UsageError('There is no documentation to encode: name a --text.')
  return text.repeat(Math.ceil(TEXT_LENGTH / text.length)).slice(0, TEXT_LENGTH)
}
