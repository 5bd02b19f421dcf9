import { basename } from 'node:path'
import {
  type Benchmark,
  type BenchmarkProgress,
  benchmark,
  CACHE_TYPES,
  QUANTIZE_CHOICES,
  type Spread,
} from '@laju/engine'
import type { Command } from '../command.ts'
import { MODEL_HELP, resolveModel } from '../model-reference.ts'
import { printNotices } from '../open-model.ts'
import { LOAD_OPTIONS, REVECTORIZE_OPTION } from '../reply-options.ts'
import { LiveOutput } from '../terminal/live-output.ts'
import { LoadProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { table } from '../terminal/table.ts'
import { formatBytes, formatSpeed, formatTime, grouped } from '../terminal/units.ts'

/** A part of the time that other work may have without being mentioned. */
const QUIET = 0.9

export const bench: Command = {
  name: 'bench',
  summary: 'Measure how fast a model reads and writes here, beside what this device could do at most.',
  parameters: [{ name: 'MODEL', help: MODEL_HELP }],
  options: {
    prompt: { type: 'string', value: 'N', help: 'tokens that are read at once (default 512)' },
    generate: { type: 'string', value: 'N', help: 'tokens that are written (default 64)' },
    depth: { type: 'string', value: 'N', help: 'tokens in the context before either begins (default 0)' },
    repetitions: { type: 'string', value: 'N', help: 'how often, after once for practice (default 5)' },
    cache: LOAD_OPTIONS.cache,
    threads: LOAD_OPTIONS.threads,
    quantize: LOAD_OPTIONS.quantize,
    ...REVECTORIZE_OPTION,
    json: { type: 'boolean', help: 'print one JSON object' },
  },
  examples: [
    { line: 'laju bench ./qwen3.gguf', help: '512 tokens read, 64 written, five times' },
    { line: 'laju bench ./qwen3.gguf --depth 4096 --threads 1', help: 'late in a long conversation, on one thread' },
    { line: 'laju bench qwen3:0.6b --json', help: 'for programs' },
  ],

  async run(given, signal) {
    const typed = given.required(0)
    const options = {
      prompt: given.integer('prompt', 1),
      generate: given.integer('generate', 1),
      depth: given.integer('depth', 0),
      repetitions: given.integer('repetitions', 1),
      cacheType: given.choice('cache', CACHE_TYPES),
      threads: given.integer('threads', 1),
      revectorize: given.flag('revectorize'),
      quantize: given.choice('quantize', QUANTIZE_CHOICES),
      signal,
    }
    const progress = new BenchProgress(neutralise(basename(typed)))
    try {
      const report = await benchmark(resolveModel(typed), { ...options, onProgress: progress.report })
      progress.end()
      printNotices(report.model)
      console.log(given.flag('json') ? JSON.stringify(forPrograms(report)) : describe(report))
    } finally {
      progress.end()
    }
  },
}

class BenchProgress {
  readonly #output = new LiveOutput()
  readonly #loading: LoadProgress

  constructor(name: string) {
    this.#loading = new LoadProgress(this.#output, name)
  }

  readonly report = (progress: BenchmarkProgress): void => {
    if (progress.stage === 'warm-up') this.#output.status('warming up')
    else if (progress.stage !== 'measure') this.#loading.report(progress)
    else this.#output.status(`measuring, ${progress.done + 1} of ${progress.repetitions}`)
  }

  end(): void {
    this.#loading.end()
  }
}

/** Without the chat template, and with null for what is not known. */
function forPrograms({ model, peakMemory, ...report }: Benchmark) {
  const { name, architecture, parameters, types, quantized, threads, contextLength, memory } = model
  return {
    model: { name, architecture, parameters, types, quantized: quantized ?? null, contextLength, memory },
    threads,
    ...report,
    peakMemory: peakMemory ?? null,
  }
}

/** The table a person reads. */
export function describe(report: Benchmark): string {
  const { model, machine, prompt, generate, depth, repetitions, prefill, decode, share, work, ceilings } = report
  const { read, ...arithmetic } = ceilings
  const percent = (part: number) => `${(100 * part).toFixed(0)} %`
  const behind = depth > 0 ? ` behind ${grouped(depth)}` : ''
  const cache = work.cacheBytesPerToken * (depth + (generate + 1) / 2)
  const moved = `weights ${formatBytes(work.weightBytes)}, conversation ${formatBytes(cache)}`
  return table([
    ['model', `${model.name}, ${model.types.map(({ type }) => type).join(' ')}`],
    ['CPU', `${machine.cpu}, ${machine.cores} processors, ${machine.platform}`],
    ['vector extensions', machine.simd.join(' ') || 'not listed by this system'],
    ['threads', grouped(model.threads)],
    ['reading', `${speeds(prefill)}; ${grouped(prompt)} tokens${behind}`],
    ['', `${percent(share.prefill)} of the arithmetic: ${describeArithmetic(arithmetic)}`],
    ['writing', `${speeds(decode)}; ${grouped(generate)} tokens${behind}`],
    ['', `${percent(share.decode)} of the streaming read: ${rate(read, 'GB/s')}, for ${moved} a token`],
    ['loaded in', formatTime(report.loadMs)],
    ...(report.peakMemory === undefined ? [] : [['peak memory', formatBytes(report.peakMemory)] as const]),
    ...(report.undisturbed < QUIET
      ? [
          [
            'note',
            `other work takes ${percent(1 - report.undisturbed)} of the processors: these figures are too low`,
          ] as const,
        ]
      : []),
    ['measured', `${grouped(repetitions)} times, ${machine.runtime}; median (least to most)`],
  ])
}

function describeArithmetic(ceilings: Readonly<Record<string, Spread>>): string {
  const name = (limit: string) => (limit === 'float' ? 'floats' : `integers as ${limit.replace('-', ' ')}`)
  return Object.entries(ceilings)
    .map(([limit, spread]) => `${rate(spread, 'Gop/s')} with ${name(limit)}`)
    .join(', ')
}

function speeds({ median, min, max }: Spread): string {
  return `${formatSpeed(median)} (${min.toFixed(1)} to ${max.toFixed(1)})`
}

function rate({ median, min, max }: Spread, unit: string): string {
  return `${median.toFixed(1)} ${unit} (${min.toFixed(1)} to ${max.toFixed(1)})`
}
