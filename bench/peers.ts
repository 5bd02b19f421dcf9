import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import type { Setting } from './contenders/speed.ts'
import { describeMachine } from './machine.ts'
import {
  contendersOf,
  measureRounds,
  printHeader,
  printRow,
  RESULT_HEADER,
  type Result,
  type Round,
  resultRow,
  resultsOf,
} from './paired-runs.ts'

const USAGE = `Measures laju beside llama.cpp: the same file, the same threads, by turns, each run in a process of its own.

  node bench/peers.ts FILE [--llama-bench PATH]... [--node-llama-cpp FOLDER] [options]

  --llama-bench PATH       a native llama-bench; may be given several times (README.md says how to build two)
  --node-llama-cpp FOLDER  where the npm package node-llama-cpp is installed
  --threads LIST           default 1,2
  --depth LIST             tokens in the context before the run; default 0,4096
  --prompt N               tokens that are read (default 512)
  --generate N             tokens that are written (default 64)
  --pairs N                how often each engine runs (default 7)
  --revectorize            laju with this option: run it with Node 26
  --json                   print the report as JSON`

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'llama-bench': { type: 'string', multiple: true, default: [] },
      'node-llama-cpp': { type: 'string' },
      threads: { type: 'string', default: '1,2' },
      depth: { type: 'string', default: '0,4096' },
      prompt: { type: 'string', default: '512' },
      generate: { type: 'string', default: '64' },
      pairs: { type: 'string', default: '7' },
      revectorize: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const list = (name: 'threads' | 'depth', least: number) =>
    values[name].split(',').map((text) => wholeNumber(name, text, least))
  const sizes = {
    prompt: wholeNumber('prompt', values.prompt, 1),
    generate: wholeNumber('generate', values.generate, 1),
  }
  const { revectorize } = values
  const pairs = wholeNumber('pairs', values.pairs, 1)
  const contenders = contendersOf(values['llama-bench'], values['node-llama-cpp'])
  const settings = list('threads', 1).flatMap((threads) =>
    list('depth', 0).map((depth): Setting => ({ file, threads, depth, ...sizes, revectorize })),
  )
  const measured: { setting: Setting; rounds: readonly Round[] }[] = []
  for (const setting of settings) measured.push({ setting, rounds: await measureRounds(setting, contenders, pairs) })
  const results = measured.flatMap(({ setting, rounds }) => resultsOf(setting, rounds, contenders))
  const report = { file: basename(file), machine: describeMachine(), ...sizes, revectorize, pairs, results, measured }
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  else print(report)
})

function print({
  file,
  machine,
  pairs,
  results,
}: {
  file: string
  machine: ReturnType<typeof describeMachine>
  pairs: number
  results: readonly Result[]
}): void {
  console.log(`${file}; ${machine.cpu}, ${machine.cores} cores, ${machine.runtime}; ${pairs} pairs`)
  console.log(machine.simd.join(' '))
  printHeader(RESULT_HEADER)
  for (const result of results) printRow(resultRow(result))
}
