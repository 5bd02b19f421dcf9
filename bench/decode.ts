import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { ContenderProcess } from './contenders/contender-process.ts'
import { describeMachine, type Machine, streamingRead } from './machine.ts'
import { type Quartiles, quartiles } from './quartiles.ts'

const USAGE = `Measures how fast models decode: one thread, greedy, after a short prompt.

  node bench/decode.ts FILE [--tokens N] [--pairs N] [--llama FOLDER] [--only NAME] [--json]

  --tokens N      tokens of one run (default 64)
  --pairs N       how often each engine runs, by turns (default 5)
  --llama FOLDER  compare with llama.cpp: a folder where the npm package node-llama-cpp is installed
  --only NAME     run just one of them: laju or llama.cpp
  --json          print the report as JSON`

const PROMPT = 'Once upon a time there was a machine'
const WARM_UP_TOKENS = 8

interface Report {
  readonly file: string
  readonly bytes: number
  readonly tokens: number
  readonly machine: Machine
  /** GB/s of one thread, before and after the runs. */
  readonly streamingRead: readonly [number, number]
  readonly engines: readonly { name: string; description: string; tokensPerSecond: Quartiles; runs: number[] }[]
  /** Of each pair: the first engine's speed over the second's. */
  readonly ratio: Quartiles | undefined
}

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '64' },
      pairs: { type: 'string', default: '5' },
      llama: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const tokens = wholeNumber('tokens', values.tokens, 2)
  const pairs = wholeNumber('pairs', values.pairs, 1)
  const contenders: ContenderProcess[] = []
  try {
    for await (const contender of startContenders(file, values.llama, values.only)) contenders.push(contender)
    const report = await measure(file, contenders, tokens, pairs)
    if (values.json) console.log(JSON.stringify(report, undefined, 2))
    else print(report)
  } finally {
    for (const contender of contenders) contender.stop()
  }
})

async function* startContenders(file: string, llama: string | undefined, only: string | undefined) {
  if (only !== undefined && only !== 'laju' && only !== 'llama.cpp') {
    throw new UsageError(`--only takes laju or llama.cpp, not ${only}.`)
  }
  if (only === 'llama.cpp' && llama === undefined) throw new UsageError('--only llama.cpp needs --llama FOLDER.')
  if (only !== 'llama.cpp') yield ContenderProcess.start('laju', './laju.ts', [file])
  if (only !== 'laju' && llama !== undefined) {
    yield ContenderProcess.start('llama.cpp', './node-llama-cpp.ts', [file, llama])
  }
}

/** Engines run by turns, and change who goes first, so that a busy neighbour slows both sides of a pair. */
async function measure(
  file: string,
  contenders: readonly ContenderProcess[],
  tokens: number,
  pairs: number,
): Promise<Report> {
  const before = streamingRead()
  for (const contender of contenders) await contender.decode({ prompt: PROMPT, tokens: WARM_UP_TOKENS })
  const speeds = contenders.map((): number[] => [])
  for (let pair = 0; pair < pairs; pair++) {
    const order = [...contenders.keys()]
    for (const i of pair % 2 === 0 ? order : order.reverse()) {
      const contender = contenders[i]
      if (contender !== undefined) speeds[i]?.push(await speed(contender, tokens))
    }
  }
  const [first = [], second] = speeds
  return {
    file: basename(file),
    bytes: (await stat(file)).size,
    tokens,
    machine: describeMachine(),
    streamingRead: [before, streamingRead()],
    engines: contenders.map(({ name, description }, i) => {
      const runs = speeds[i] ?? []
      return { name, description, tokensPerSecond: quartiles(runs), runs }
    }),
    ratio: second && quartiles(first.map((speed, i) => speed / (second[i] ?? Number.NaN))),
  }
}

/** The first token comes from the prompt's step: what is timed is every token after it. */
async function speed(contender: ContenderProcess, tokens: number): Promise<number> {
  const run = await contender.decode({ prompt: PROMPT, tokens })
  if (run.tokens < 2) throw new Error(`${contender.name} ended its text at once, so there is nothing to measure.`)
  return ((run.tokens - 1) * 1000) / run.milliseconds
}

function print(report: Report): void {
  const { machine, engines, ratio } = report
  const [before, after] = report.streamingRead
  const spread = ({ lower, median, upper }: Quartiles, digits: number) =>
    `${median.toFixed(digits)}  (quartiles ${lower.toFixed(digits)} to ${upper.toFixed(digits)})`
  console.log(`${report.file}, ${(report.bytes / 1e6).toFixed(0)} MB, ${report.tokens} tokens a run, one thread`)
  console.log(`CPU     ${machine.cpu}, ${machine.cores} cores, ${machine.platform}`)
  console.log(`SIMD    ${machine.simd.join(' ') || 'not listed by this system'}`)
  console.log(`Runs on ${machine.runtime}`)
  console.log(`Memory  one thread reads ${before.toFixed(1)} GB/s before the runs, ${after.toFixed(1)} after\n`)
  for (const { name, description, tokensPerSecond, runs } of engines) {
    console.log(`${name.padEnd(10)} ${spread(tokensPerSecond, 1)} tok/s   ${description}`)
    console.log(`${''.padEnd(10)} ${runs.map((speed) => speed.toFixed(1)).join('  ')}`)
  }
  if (ratio !== undefined) console.log(`\n${engines.map(({ name }) => name).join(' / ')}: ${spread(ratio, 2)}`)
}
