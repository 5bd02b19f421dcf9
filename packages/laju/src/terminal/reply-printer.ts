import type { Reply, ReplyPart } from '@laju/engine'
import type { LiveOutput, Terminal } from './live-output.ts'
import { neutralise } from './neutralise.ts'
import { styleOf } from './style.ts'
import { formatSpeed, formatTime, grouped } from './units.ts'

type Section = 'reasoning' | 'text'

const REFRESH_MS = 100
const LABELS: Record<Section, string> = { reasoning: '[thought]\n', text: '[answer]\n' }

/**
 * Shows a reply to a person while it is being written: the thought dimmed (or under a label, without colours), the
 * answer plain, and a live status line with the speed.
 */
export class ReplyPrinter {
  readonly #output: LiveOutput
  readonly #stream: Terminal
  #section: Section | undefined
  /** White space at the end of what has come so far, dropped if nothing follows it in its section. */
  #pending = ''
  #deltas = 0
  #start = performance.now()
  #first = 0

  constructor(output: LiveOutput, stream: Terminal) {
    this.#output = output
    this.#stream = stream
  }

  /** Prints every part and returns the reply they end with. */
  async print(parts: AsyncIterable<ReplyPart>): Promise<Reply | undefined> {
    this.#start = performance.now()
    const timer = setInterval(() => this.#refresh(), REFRESH_MS)
    let reply: Reply | undefined
    try {
      for await (const part of parts) {
        if (part.type === 'finish') reply = part.reply
        else if (part.type === 'reasoning-delta') this.#delta('reasoning', part.text)
        else if (part.type === 'text-delta') this.#delta('text', part.text)
      }
    } finally {
      clearInterval(timer)
      this.#output.status('')
      this.#output.endLine()
    }
    return reply
  }

  #delta(section: Section, text: string): void {
    if (this.#deltas++ === 0) this.#first = performance.now()
    const started = this.#section === section
    const whole = started ? this.#pending + text : text.trimStart()
    const visible = whole.trimEnd()
    if (visible === '') {
      if (started) this.#pending = whole
      return
    }
    if (!started) this.#startSection(section)
    this.#pending = whole.slice(visible.length)
    this.#write(visible)
  }

  #startSection(section: Section): void {
    const style = styleOf(this.#stream)
    const isLater = this.#section !== undefined
    this.#section = section
    if (isLater) {
      this.#output.endLine()
      this.#output.write('\n')
    }
    const labelled = section === 'reasoning' || isLater
    if (labelled && !style.coloured) this.#output.write(LABELS[section])
  }

  #write(text: string): void {
    const safe = neutralise(text)
    this.#output.write(this.#section === 'reasoning' ? styleOf(this.#stream).dim(safe) : safe, safe)
  }

  #refresh(): void {
    this.#output.status(this.#deltas === 0 ? this.#waitingStatus() : this.#writingStatus())
  }

  #waitingStatus(): string {
    return `reading the prompt · ${formatTime(performance.now() - this.#start)}`
  }

  #writingStatus(): string {
    // A delta is nearly always one token; the exact number comes with the end of the reply.
    const speed = this.#deltas / Math.max((performance.now() - this.#first) / 1000, 1e-3)
    const what = this.#section === 'reasoning' ? 'thinking' : 'answering'
    return `${what} · ${grouped(this.#deltas)} tokens · ${formatSpeed(speed)} · Ctrl-C stops`
  }
}

/** "57 tokens · 41.2 tokens/s · prompt: 23 tokens in 100 ms" */
export function replySummary({ usage, timings, finishReason }: Reply): string {
  const parts = [
    `${grouped(usage.outputTokens)} tokens`,
    formatSpeed(timings.tokensPerSecond),
    `prompt: ${grouped(usage.inputTokens)} tokens in ${formatTime(timings.promptMs)}`,
  ]
  if (usage.cachedTokens > 0) parts.push(`${grouped(usage.cachedTokens)} remembered`)
  if (finishReason === 'length') parts.push('cut off at the length limit')
  return parts.join(' · ')
}
