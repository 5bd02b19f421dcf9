import type { LoadProgress as Progress } from '@laju/engine'
import type { LiveOutput } from './live-output.ts'
import { formatBytes, formatTime } from './units.ts'

/** Models that load faster than this load silently. */
const SILENT_MS = 300

/** The status line of a model that is being loaded: size, speed, time left. */
export class LoadProgress {
  readonly #output: LiveOutput
  readonly #name: string
  readonly #start = performance.now()

  constructor(output: LiveOutput, name: string) {
    this.#output = output
    this.#name = name
  }

  readonly report = ({ loaded, total }: Progress): void => {
    const elapsed = performance.now() - this.#start
    if (elapsed < SILENT_MS) return
    const parts = [`loading ${this.#name}`, `${formatBytes(loaded)} of ${formatBytes(total)}`]
    if (loaded > 0) {
      const speed = loaded / elapsed
      parts.push(`${formatBytes(speed * 1000)}/s`, `${formatTime((total - loaded) / speed)} left`)
    }
    this.#output.status(parts.join(' · '))
  }

  end(): void {
    this.#output.status('')
  }
}
