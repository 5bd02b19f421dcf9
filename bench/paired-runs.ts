import { basename } from 'node:path'
import { UsageError } from './command.ts'
import { llamaBench, type Setting, type Speed, type SpeedContender, scriptContender } from './contenders/speed.ts'
import { streamingRead } from './machine.ts'
import { type Quartiles, quartiles } from './quartiles.ts'

/** A pair counts where memory is read at least so fast, of the best of all runs. */
const LEAST_READ = 0.7
/** Pairs that are repeated at most, for each that is wanted: some machines are never quiet. */
const MOST_REPEATED = 1

export interface Round {
  /** GB/s of one thread: the least of before and after each run. */
  readonly streamingRead: number
  /** In the order of the contenders. */
  readonly speeds: readonly Speed[]
}

export interface Result {
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

/** laju, and what it is compared with. */
export function contendersOf(paths: readonly string[], folder?: string): SpeedContender[] {
  const peers = paths.map((path) => llamaBench(path, basename(path)))
  if (folder !== undefined) peers.push(scriptContender('node-llama-cpp', './node-llama-cpp-speed.ts', [folder]))
  if (peers.length === 0) throw new UsageError('Name what to compare with: --llama-bench or --node-llama-cpp.')
  return [scriptContender('laju', './laju-speed.ts'), ...peers]
}

/** Rounds in which every engine runs once; who goes first changes. Those of busy minutes are repeated at the end. */
export async function measureRounds(
  setting: Setting,
  contenders: readonly SpeedContender[],
  pairs: number,
): Promise<Round[]> {
  const rounds: Round[] = []
  const good = () => {
    const best = Math.max(...rounds.map((round) => round.streamingRead))
    return rounds.filter((round) => round.streamingRead >= LEAST_READ * best)
  }
  while (good().length < pairs && rounds.length < pairs * (1 + MOST_REPEATED)) {
    const { file, threads, depth } = setting
    const place = `${basename(file)}, ${threads} threads, depth ${depth}`
    console.error(`${place}: round ${good().length + 1} of ${pairs} (${rounds.length} run)`)
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

export function resultsOf(
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

export const RESULT_HEADER = ['threads', 'depth', 'test', 'peer', 'laju tok/s', 'peer tok/s', 'ratio (quartiles)']

/** The cells under RESULT_HEADER. */
export function resultRow({ threads, depth, test, peer, laju, other, ratio }: Result): string[] {
  const { lower, median, upper } = ratio
  const spread = `${median.toFixed(2)} (${lower.toFixed(2)} to ${upper.toFixed(2)})`
  return [`${threads}`, `${depth}`, test, peer, laju.median.toFixed(1), other.median.toFixed(1), spread]
}

/** Of a table in Markdown. */
export function printHeader(cells: readonly string[]): void {
  printRow(cells)
  printRow(cells.map(() => '---'))
}

export function printRow(cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`)
}
