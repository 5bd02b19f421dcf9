import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './load-all.ts'
import type { Taken } from './measure.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
/** What acceptance asks for: no case takes longer, nor more memory than twice its file and this. */
const PATIENCE_MS = 2000
const MEMORY = 64 * 2 ** 20
/** Cases a process runs before the next takes over. */
const CASES_A_PROCESS = 500
/** What V8 may keep in its heap; the modules take some 15 MB of it. Whoever needs more dies. */
const HEAP_MB = 96

export type FromChild =
  | { readonly begun: number; readonly container: string; readonly file: string }
  | ({ readonly done: number; readonly bytes: number; readonly milliseconds: number } & Outcome & Taken)

export interface Failure {
  readonly index: number
  readonly container: string
  readonly file: string
  readonly problem: string
}

/** How the cases went so far. */
export interface FuzzReport {
  cases: number
  /** Cases by container, and of these by outcome. */
  readonly outcomes: Map<string, Map<string, number>>
  readonly failures: Failure[]
  /** The most that one case took. */
  readonly most: { milliseconds: number; grown: number; reserved: number }
}

export interface FuzzOptions {
  readonly seed: number
  readonly from?: number
  readonly count: number
  readonly onProgress?: (report: FuzzReport) => void
  /** The program that runs the cases, to see that a bad one is found out. */
  readonly child?: string
}

/** Loads broken models in processes of their own, and ends those that hang. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { from = 0, count } = options
  const report: FuzzReport = {
    cases: 0,
    outcomes: new Map(),
    failures: [],
    most: { milliseconds: 0, grown: 0, reserved: 0 },
  }
  const end = from + count
  for (let next = from; next < end; ) {
    const to = Math.min(end, next + CASES_A_PROCESS)
    next = await runProcess(options, next, to, report)
  }
  return report
}

/** @returns the first case that was not run */
function runProcess(
  { seed, onProgress, child: program = CHILD }: FuzzOptions,
  from: number,
  to: number,
  report: FuzzReport,
): Promise<number> {
  const child = startChild(program, seed, from, to)
  let running = { begun: from, container: 'start', file: '' }
  let isHanging = false
  let timer: NodeJS.Timeout | undefined
  let next = from
  let complaint = ''
  child.stderr?.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-4000)
  })
  const fail = (problem: string) => {
    report.failures.push({ index: running.begun, container: running.container, file: running.file, problem })
  }
  child.on('message', (message: FromChild) => {
    clearTimeout(timer)
    if ('begun' in message) {
      running = message
      timer = setTimeout(() => {
        isHanging = true
        child.kill('SIGKILL')
      }, PATIENCE_MS)
      return
    }
    next = message.done + 1
    count(report, running.container, message)
    for (const problem of problemsOf(message)) fail(problem)
    onProgress?.(report)
  })
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (next === to) return resolve(to)
      fail(isHanging ? `took over ${PATIENCE_MS / 1000} s` : `ended the process (${code ?? signal}): ${complaint}`)
      report.cases++
      resolve(running.begun + 1)
    })
  })
}

function startChild(program: string, seed: number, from: number, to: number): ChildProcess {
  const flags = ['--conditions=laju-source', '--expose-gc', `--max-old-space-size=${HEAP_MB}`]
  return spawn(process.execPath, [...flags, program, ...[seed, from, to].map(String)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

type Done = Extract<FromChild, { done: number }>

function count(report: FuzzReport, container: string, { outcome, milliseconds, grown, reserved }: Done): void {
  report.cases++
  const outcomes = report.outcomes.get(container) ?? new Map<string, number>()
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  report.outcomes.set(container, outcomes)
  const { most } = report
  most.milliseconds = Math.max(most.milliseconds, milliseconds)
  most.grown = Math.max(most.grown, grown)
  most.reserved = Math.max(most.reserved, reserved)
}

function problemsOf({ outcome, stack, bytes, milliseconds, grown, reserved }: Done): string[] {
  const limit = 2 * bytes + MEMORY
  const mega = (value: number) => `${Math.ceil(value / 2 ** 20)} MB`
  return [
    ...(outcome === 'crash' ? [`threw ${stack}`] : []),
    ...(milliseconds > PATIENCE_MS ? [`took ${Math.round(milliseconds)} ms`] : []),
    ...(grown > limit ? [`grew by ${mega(grown)}, and may by ${mega(limit)}`] : []),
    ...(reserved > limit ? [`asked for ${mega(reserved)}, and may for ${mega(limit)}`] : []),
  ]
}
