import { basename } from 'node:path'
import type { LoadProgress as LoadingProgress, QuantizeProgress } from '@laju/engine'
import { LiveOutput } from './live-output.ts'
import { neutralise } from './neutralise.ts'
import { formatBytes, formatTime } from './units.ts'

type Progress = LoadingProgress | QuantizeProgress

/** What is done faster than this is done silently. */
const SILENT_MS = 300

/** The status line of a model that is downloaded, loaded or quantised: size, speed, time left. */
export class LoadProgress {
  readonly #output: LiveOutput
  readonly #name: string
  readonly #start = performance.now()
  /** Where the stage began: what was there before has no speed. */
  #stage: { readonly name: Progress['stage']; readonly start: number; readonly loaded: number } | undefined

  constructor(output: LiveOutput, name: string) {
    this.#output = output
    this.#name = name
  }

  readonly report = (progress: Progress): void => {
    const { stage, loaded, total } = progress
    const now = performance.now()
    if (this.#stage?.name !== stage || loaded < this.#stage.loaded) this.#stage = { name: stage, start: now, loaded }
    if (now - this.#start < SILENT_MS) return
    const parts = [this.#title(progress), `${formatBytes(loaded)} of ${formatBytes(total)}`]
    const speed = (loaded - this.#stage.loaded) / (now - this.#stage.start)
    if (speed > 0) parts.push(`${formatBytes(speed * 1000)}/s`, `${formatTime((total - loaded) / speed)} left`)
    this.#output.status(parts.join(' · '))
  }

  #title(progress: Progress): string {
    if (progress.stage === 'load') return `loading ${this.#name}`
    if (progress.stage === 'write') return `quantising ${this.#name}`
    const { name, number, count } = progress.file
    return `downloading ${neutralise(basename(name))}${count > 1 ? ` (${number} of ${count})` : ''}`
  }

  end(): void {
    this.#output.status('')
  }
}

/** Does something with the model a person typed, with a progress line where it takes a while. */
export async function showingProgress<Result>(
  typed: string,
  work: (report: LoadProgress['report']) => Promise<Result>,
): Promise<Result> {
  const progress = new LoadProgress(new LiveOutput(), neutralise(basename(typed)))
  try {
    return await work(progress.report)
  } finally {
    progress.end()
  }
}
