import { describeMachine, type Machine } from '#machine/machine'
import type { Limit } from '../backends/wasm/ceilings.ts'
import { LajuError, OptionError } from '../errors.ts'
import { uniform } from '../generate/random.ts'
import type { ModelSource } from '../hub/model-location.ts'
import type { Gauged } from '../worker/ceilings.ts'
import type { TokenWork } from '../worker/token-work.ts'
import type { LoadOptions, LoadProgress, ModelInfo } from '../worker/types.ts'
import { newConversationNumber } from './conversation.ts'
import { EngineThread } from './engine-thread.ts'
import { locateModel } from './model-source.ts'

export interface BenchmarkOptions
  extends Pick<LoadOptions, 'threads' | 'cacheType' | 'quantize' | 'revectorize' | 'signal'> {
  /** Tokens that are read at once; default 512. */
  readonly prompt?: number
  /** Tokens that are written; default 64. */
  readonly generate?: number
  /** Tokens that are in the context already when either begins; default 0. */
  readonly depth?: number
  /** Default 5. */
  readonly repetitions?: number
  readonly onProgress?: (progress: BenchmarkProgress) => void
}

/** The model is loaded, everything is done once for practice, and then as often as asked for. */
export type BenchmarkProgress =
  | LoadProgress
  | { readonly stage: 'warm-up' }
  | { readonly stage: 'measure'; readonly done: number; readonly repetitions: number }

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Benchmark {
  readonly model: ModelInfo
  readonly machine: Machine
  readonly prompt: number
  readonly generate: number
  readonly depth: number
  readonly repetitions: number
  /** Tokens a second. */
  readonly prefill: Spread
  readonly decode: Spread
  /** Milliseconds until the model was ready, its download not counted. */
  readonly loadMs: number
  /** The most memory that the process ever had, before the ceilings were measured; undefined where no system tells. */
  readonly peakMemory: number | undefined
  readonly work: TokenWork
  /** Of as many threads as the model has, measured before each repetition: billions of bytes or operations a second. */
  readonly ceilings: { readonly read: Spread } & { readonly [Name in Limit]?: Spread }
  /** The part of the time in which those threads really ran: where it is low, other work slowed the model down as well. */
  readonly undisturbed: number
  /** What of the ceilings the medians reach, from 0 to 1. */
  readonly share: {
    /** Bytes that decoding must read, against the streaming read. */
    readonly decode: number
    /** The matrix products of the prompt, against loops in registers of the same instructions. */
    readonly prefill: number
  }
}

/** For each ceiling, before each repetition. */
const CEILING_MS = 100

/**
 * Measures how fast a model reads and writes on this device, beside what the device could do at most in the same minute.
 * Tokens are random, and others in each repetition, so that nothing but the `depth` tokens is computed before.
 * @param reference as for `load`
 * @throws as `load`
 */
export async function benchmark(reference: ModelSource, options: BenchmarkOptions = {}): Promise<Benchmark> {
  const { signal, onProgress, threads, cacheType, quantize, revectorize } = options
  const sizes = sizesOf(options)
  const path = await locateModel(reference, { signal, onProgress })
  const thread = await EngineThread.start()
  const gauges: EngineThread[] = []
  try {
    const start = performance.now()
    const engineOptions = { contextLength: contextOf(sizes), threads, cacheType, quantize, revectorize }
    const model = await thread.call('load', { path, options: engineOptions }, { signal, onEvent: onProgress })
    const loadMs = performance.now() - start
    const runs = new Runs(thread, model, sizes)
    onProgress?.({ stage: 'warm-up' })
    await runs.repeat(signal)
    const peakMemory = residentPeak()
    const work = await thread.call('work', undefined, { signal })
    const limits: Limit[] = ['read', ...limitsOf(work)]
    for (let i = 0; i < model.threads; i++) gauges.push(await EngineThread.start())
    await ceilingsOf(gauges, { limits, milliseconds: 1 }, signal)
    const ceilings: Gauged[] = []
    const speeds: Speeds[] = []
    for (let done = 0; done < sizes.repetitions; done++) {
      onProgress?.({ stage: 'measure', done, repetitions: sizes.repetitions })
      ceilings.push(await ceilingsOf(gauges, { limits, milliseconds: CEILING_MS }, signal))
      speeds.push(await runs.repeat(signal))
    }
    const machine = describeMachine()
    return { model, machine, ...sizes, loadMs, peakMemory, work, ...figures(sizes, work, speeds, ceilings) }
  } finally {
    await Promise.all([thread, ...gauges].map((each) => each.stop(new LajuError('disposed', 'The benchmark is over.'))))
  }
}

type Sizes = Pick<Benchmark, 'prompt' | 'generate' | 'depth' | 'repetitions'>

function sizesOf({ prompt = 512, generate = 64, depth = 0, repetitions = 5 }: BenchmarkOptions): Sizes {
  const sizes = { prompt, generate, depth, repetitions }
  for (const [name, value] of Object.entries(sizes)) {
    const least = name === 'depth' ? 0 : 1
    if (Number.isInteger(value) && value >= least && value <= 2 ** 24) continue
    throw new OptionError(name, `${name} cannot be ${value}.`, `Use a whole number from ${least} up.`)
  }
  return sizes
}

function contextOf({ prompt, generate, depth }: Sizes): number {
  return depth + Math.max(prompt, generate)
}

/** Tokens a second. */
interface Speeds {
  readonly prefill: number
  readonly decode: number
}

/** One conversation, which keeps its first `depth` tokens, and forgets what was behind them with each measurement. */
class Runs {
  readonly #thread: EngineThread
  readonly #vocabulary: number
  readonly #sizes: Sizes
  readonly #conversation = newConversationNumber()
  #draws = 0
  readonly #context: readonly number[]

  constructor(thread: EngineThread, { vocabulary }: ModelInfo, sizes: Sizes) {
    this.#thread = thread
    this.#vocabulary = vocabulary
    this.#sizes = sizes
    this.#context = this.#tokens(sizes.depth)
  }

  async repeat(signal: AbortSignal | undefined): Promise<Speeds> {
    const { prompt, generate, depth } = this.#sizes
    // Not part of what is timed: computed the first time, and there from then on.
    if (depth > 0) await this.#time(this.#context, 0, signal)
    return { prefill: await this.#speed(prompt, 0, signal), decode: await this.#speed(1, generate, signal) }
  }

  /** Of new tokens behind the context, or of steps that begin with one new token. */
  async #speed(tokens: number, steps: number, signal: AbortSignal | undefined): Promise<number> {
    const { depth } = this.#sizes
    const ids = [...this.#context, ...this.#tokens(tokens)]
    const { cachedTokens, milliseconds } = await this.#time(ids, steps, signal)
    // A first token may happen to be the one that was there before, and need not be computed then.
    const computed = (steps === 0 ? tokens : steps) - (cachedTokens - depth)
    return (1000 * computed) / milliseconds
  }

  #time(ids: readonly number[], steps: number, signal: AbortSignal | undefined) {
    const request = { conversation: this.#conversation, ids: Int32Array.from(ids), steps }
    return this.#thread.call('time', request, { signal })
  }

  #tokens(count: number): number[] {
    return Array.from({ length: count }, () => Math.floor(uniform(1, this.#draws++) * this.#vocabulary))
  }
}

function limitsOf({ operations }: TokenWork): Limit[] {
  return Object.keys(operations) as Limit[]
}

/** Of all threads together, at the same time. */
async function ceilingsOf(
  gauges: readonly EngineThread[],
  request: { limits: readonly Limit[]; milliseconds: number },
  signal: AbortSignal | undefined,
): Promise<Gauged> {
  const all = await Promise.all(gauges.map((gauge) => gauge.call('ceilings', request, { signal })))
  const total = (limit: Limit) => all.reduce((sum, { ceilings }) => sum + (ceilings[limit] ?? 0), 0)
  return {
    ceilings: Object.fromEntries(request.limits.map((limit) => [limit, total(limit)])),
    undisturbed: all.reduce((sum, { undisturbed }) => sum + undisturbed, 0) / all.length,
  }
}

function figures(
  { depth, generate }: Sizes,
  work: TokenWork,
  speeds: readonly Speeds[],
  measured: readonly Gauged[],
): Pick<Benchmark, 'prefill' | 'decode' | 'ceilings' | 'share' | 'undisturbed'> {
  const prefill = spread(speeds.map((speed) => speed.prefill))
  const decode = spread(speeds.map((speed) => speed.decode))
  const ceiling = (limit: Limit) => spread(measured.map(({ ceilings }) => ceilings[limit] ?? 0))
  const read = ceiling('read')
  const arithmetic = limitsOf(work).map((limit) => ({ limit, spread: ceiling(limit) }))
  const bytes = work.weightBytes + work.cacheBytesPerToken * (depth + (generate + 1) / 2)
  const seconds = arithmetic.reduce((sum, { limit, spread: { median } }) => {
    return sum + (work.operations[limit] ?? 0) / (median * 1e9)
  }, 0)
  return {
    prefill,
    decode,
    ceilings: { read, ...Object.fromEntries(arithmetic.map(({ limit, spread }) => [limit, spread])) },
    undisturbed: spread(measured.map(({ undisturbed }) => undisturbed)).median,
    share: { decode: (decode.median * bytes) / (read.median * 1e9), prefill: prefill.median * seconds },
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
  return { median, min: sorted[0], max: sorted[sorted.length - 1] }
}

/** Bytes. */
function residentPeak(): number | undefined {
  const { process } = globalThis as { process?: { resourceUsage?: () => { maxRSS: number } } }
  const kibibytes = process?.resourceUsage?.().maxRSS
  return kibibytes === undefined ? undefined : kibibytes * 1024
}
