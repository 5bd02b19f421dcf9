import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { llamaBench, type Setting, type Speed, type SpeedContender, scriptContender } from './contenders/speed.ts'
import { describeMachine, streamingRead } from './machine.ts'
import { type Quartiles, quartiles } from './quartiles.ts'

const USAGE = `Measures laju beside llama.cpp: the same file, the same threads, by turns, each run in a process of its own.

  node bench/peers.ts FILE [--llama-bench PATH]... [--node-llama-cpp FOLDER] [options]

  --llama-bench PATH       a native llama-bench; may be given several times (README.md says how to build two)
  --node-llama-cpp FOLDER  where the npm package node-llama-cpp is installed
  --threads LIST           default 1,2
  --depth LIST             tokens in the context before the run; default 0,4096
  --prompt N               tokens that are read (default 512)
  --generate N             tokens that are written (default 64)
  --pairs N                how often each engine runs (default 7)
  --json                   print the report as JSON`

/** A pair counts where memory is read at least so fast, of the best of all runs. */
const LEAST_READ = 0.7
/** Pairs that are repeated at most, for each that is wanted: some machines are never quiet. */
const MOST_REPEATED = 1

interface Round {
  /** GB/s of one thread: the least of before and after each run. */
  readonly streamingRead: number
  /** In the order of the contenders. */
  readonly speeds: readonly Speed[]
}

interface Result {
  readonly threads: number
  readonly depth: number
  readonly test: keyof Speed
  readonly peer: string
  /** Tokens a second. */
  readonly laju: Quartiles
  readonly other: Quartiles
  /** Of each pair: laju's speed over the other's. */
  readonly ratio: Quartiles
}

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
  const pairs = wholeNumber('pairs', values.pairs, 1)
  const contenders = contendersOf(values['llama-bench'], values['node-llama-cpp'])
  const settings = list('threads', 1).flatMap((threads) =>
    list('depth', 0).map((depth): Setting => ({ file, threads, depth, ...sizes })),
  )
  const measured: { setting: Setting; rounds: readonly Round[] }[] = []
  for (const setting of settings) measured.push({ setting, rounds: await measure(setting, contenders, pairs) })
  const results = measured.flatMap(({ setting, rounds }) => resultsOf(setting, rounds, contenders))
  const report = { file: basename(file), machine: describeMachine(), ...sizes, pairs, results, measured }
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  else print(report)
})

function contendersOf(paths: readonly string[], folder: string | undefined): SpeedContender[] {
  const peers = paths.map((path) => llamaBench(path, basename(path)))
  if (folder !== undefined) peers.push(scriptContender('node-llama-cpp', './node-llama-cpp-speed.ts', [folder]))
  if (peers.length === 0) throw new UsageError('Name what to compare with: --llama-bench or --node-llama-cpp.')
  return [scriptContender('laju', './laju-speed.ts'), ...peers]
}

/** Rounds in which every engine runs once; who goes first changes. Those of busy minutes are repeated at the end. */
async function measure(setting: Setting, contenders: readonly SpeedContender[], pairs: number): Promise<Round[]> {
  const rounds: Round[] = []
  const good = () => {
    const best = Math.max(...rounds.map((round) => round.streamingRead))
    return rounds.filter((round) => round.streamingRead >= LEAST_READ * best)
  }
  while (good().length < pairs && rounds.length < pairs * (1 + MOST_REPEATED)) {
    const { threads, depth } = setting
    console.error(`${threads} threads, depth ${depth}: round ${good().length + 1} of ${pairs} (${rounds.length} run)`)
    rounds.push(await runRound(setting, contenders, rounds.length % 2 === 1))
  }
  const missing = pairs - good().length
  if (missing > 0)
    console.error(`${missing} rounds were of busy minutes each time they were repeated: they are left out.`)
  return good()
}

async function runRound(setting: Setting, contenders: readonly SpeedContender[], reverse: boolean): Promise<Round> {
  const reads = [streamingRead()]
  const speeds = new Map<SpeedContender, Speed>()
  for (const contender of reverse ? contenders.toReversed() : contenders) {
    speeds.set(contender, await contender.measure(setting))
    reads.push(streamingRead())
  }
  const inOrder = contenders.flatMap((contender) => speeds.get(contender) ?? [])
  return { streamingRead: Math.min(...reads), speeds: inOrder }
}

function resultsOf(
  { threads, depth }: Setting,
  rounds: readonly Round[],
  contenders: readonly SpeedContender[],
): Result[] {
  const tests = ['prefill', 'decode'] as const
  return tests.flatMap((test) => {
    const [laju = [], ...others] = contenders.map((_, i) => rounds.map(({ speeds }) => speeds[i]?.[test] ?? Number.NaN))
    return others.map((other, i): Result => {
      const ratio = quartiles(laju.map((speed, round) => speed / (other[round] ?? Number.NaN)))
      const peer = contenders[i + 1]?.name ?? ''
      return { threads, depth, test, peer, laju: quartiles(laju), other: quartiles(other), ratio }
    })
  })
}

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
  console.log(`${file}; ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${pairs} pairs`)
  console.log(machine.simd.join(' '))
  const spread = ({ lower, median, upper }: Quartiles) =>
    `${median.toFixed(2)} (${lower.toFixed(2)} to ${upper.toFixed(2)})`
  const header = ['threads', 'depth', 'test', 'peer', 'laju tok/s', 'peer tok/s', 'ratio (quartiles)']
  const rows = results.map(({ threads, depth, test, peer, laju, other, ratio }) => {
    return [`${threads}`, `${depth}`, test, peer, laju.median.toFixed(1), other.median.toFixed(1), spread(ratio)]
  })
  const all = [header, header.map(() => '---'), ...rows]
  for (const row of all) console.log(`| ${row.join(' | ')} |`)
}
