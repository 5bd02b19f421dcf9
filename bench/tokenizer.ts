import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openFile } from '../packages/engine/src/bytes/file-source.ts'
import { tokenizerFromGguf } from '../packages/engine/src/tokenizer/from-gguf.ts'
import { tokenizerFromJson } from '../packages/engine/src/tokenizer/from-tokenizer-json.ts'
import type { Tokenizer } from '../packages/engine/src/tokenizer/tokenizer.ts'
import { openGguf } from '../packages/engine/src/weights/gguf.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures how long a tokenizer takes to load, what it holds in memory, and how fast it encodes.

  node bench/tokenizer.ts FILE [--runs N] [--text FILE] [--json]

  FILE         a GGUF file, or a tokenizer.json: its load is compared with JSON.parse alone
  --runs N     how often, each time in a new process, by turns (default 7)
  --text FILE  what to encode (default: the project's documentation, again and again up to 1 MB)
  --json       print the report as JSON`

const TEXT_LENGTH = 1e6

/** What one process measures. */
interface Run {
  readonly loadMilliseconds: number
  /** Of the GGUF header, before the tokenizer is built from it. */
  readonly headerMilliseconds: number
  readonly heldMegabytes: number
  readonly tokens: number
  /** Of UTF-8, the first time a text is seen and the second. */
  readonly firstMegabytesPerSecond: number
  readonly megabytesPerSecond: number
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
  if (values.only === 'parse') console.log(parseMilliseconds(file))
  else if (values.only === 'load') console.log(JSON.stringify(await measure(file, values.text)))
  else report(file, wholeNumber('runs', values.runs, 1), values.text, values.json)
})

function report(file: string, count: number, text: string | undefined, json: boolean): void {
  const isJson = file.endsWith('.json')
  const runs: Run[] = []
  const parses: number[] = []
  for (let i = 0; i < count; i++) {
    if (isJson) parses.push(Number(runAlone(file, 'parse', text)))
    runs.push(JSON.parse(runAlone(file, 'load', text)))
  }
  const of = (key: keyof Run) => quartiles(runs.map((run) => run[key]))
  const figures = {
    file,
    machine: describeMachine(),
    loadMilliseconds: of('loadMilliseconds'),
    headerMilliseconds: of('headerMilliseconds'),
    parseMilliseconds: isJson ? quartiles(parses) : undefined,
    loadOverParse: isJson ? quartiles(runs.map((run, i) => run.loadMilliseconds / (parses[i] ?? 0))) : undefined,
    heldMegabytes: of('heldMegabytes'),
    tokens: runs[0]?.tokens,
    firstMegabytesPerSecond: of('firstMegabytesPerSecond'),
    megabytesPerSecond: of('megabytesPerSecond'),
  }
  if (json) {
    console.log(JSON.stringify(figures, undefined, 2))
    return
  }
  const { cpu, cores, node } = figures.machine
  console.log(`${cpu}, ${cores} cores, node ${node}; median (quartiles) of ${count} processes`)
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

function parseMilliseconds(file: string): number {
  const text = readFileSync(file, 'utf8')
  const start = performance.now()
  JSON.parse(text)
  return performance.now() - start
}

async function measure(file: string, textFile: string | undefined): Promise<Run> {
  const before = await heldBytes()
  const { tokenizer, header, load } = await loadTokenizer(file)
  const held = (await heldBytes()) - before
  const text = textFile === undefined ? documentation() : readFileSync(textFile, 'utf8')
  const megabytes = Buffer.byteLength(text) / 1e6
  const encode = (): { seconds: number; tokens: number } => {
    const start = performance.now()
    const tokens = tokenizer.encode(text).length
    return { seconds: (performance.now() - start) / 1000, tokens }
  }
  const first = encode()
  const second = encode()
  return {
    loadMilliseconds: load,
    headerMilliseconds: header,
    heldMegabytes: held / 1e6,
    tokens: first.tokens,
    firstMegabytesPerSecond: megabytes / first.seconds,
    megabytesPerSecond: megabytes / second.seconds,
  }
}

async function loadTokenizer(file: string): Promise<{ tokenizer: Tokenizer; header: number; load: number }> {
  if (file.endsWith('.json')) {
    const bytes = readFileSync(file)
    const start = performance.now()
    const tokenizer = tokenizerFromJson(bytes, file)
    return { tokenizer, header: 0, load: performance.now() - start }
  }
  const source = await openFile(file)
  const start = performance.now()
  const checkpoint = await openGguf(source)
  const header = performance.now() - start
  const tokenizer = tokenizerFromGguf(checkpoint.metadata, file)
  const load = performance.now() - start
  await checkpoint.close()
  return { tokenizer, header, load }
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
