import { type Device, examineDevice, inspect, type ModelInfo } from '@laju/engine'
import type { Command } from '../command.ts'
import { type Finding, findingsOf } from '../doctor/findings.ts'
import { type Fit, fitsOf, longestContext } from '../doctor/fits.ts'
import { MODEL_HELP, resolveModel } from '../model-reference.ts'
import { showingProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { table } from '../terminal/table.ts'
import { formatBytes, grouped } from '../terminal/units.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'Look at this device: what it offers to models, which of them fit, and what makes them slow.',
  parameters: [{ name: 'MODEL', optional: true, help: `does this one fit? ${MODEL_HELP}` }],
  options: { json: { type: 'boolean', help: 'print one JSON object' } },
  examples: [
    { line: 'laju doctor', help: 'processors, threads, vector instructions, memory; what to do about what is slow' },
    { line: 'laju doctor ./qwen3.gguf', help: 'and whether a model fits, with how much context' },
    { line: 'laju doctor --json', help: 'for programs' },
  ],

  async run(given, signal) {
    const typed = given.positional(0)
    const model =
      typed === undefined
        ? undefined
        : await showingProgress(typed, (onProgress) => inspect(resolveModel(typed), { signal, onProgress }))
    const device = await examineDevice()
    const report: Report = {
      device,
      model: model && modelFit(model, device.memory.available),
      fits: fitsOf(device.memory.available),
      findings: findingsOf(device),
    }
    console.log(given.flag('json') ? forPrograms(report) : describe(report))
  },
}

interface Report {
  readonly device: Device
  readonly model: ModelFit | undefined
  readonly fits: readonly Fit[]
  readonly findings: readonly Finding[]
}

interface ModelFit {
  readonly name: string
  /** With the context that it gets unless told otherwise. */
  readonly bytes: number
  readonly contextLength: number
  readonly fits: boolean
  /** Tokens. */
  readonly longestContext: number
  readonly threads: number
}

function modelFit(info: ModelInfo, room: number): ModelFit {
  const { name, memory, contextLength, threads } = info
  const fits = memory.total <= room
  return { name, bytes: memory.total, contextLength, fits, longestContext: longestContext(info, room), threads }
}

/** With null for what is not known or was not asked. */
function forPrograms(report: Report): string {
  return JSON.stringify({ ...report, model: report.model ?? null }, (_, value) => value ?? null)
}

function describe({ device, model, fits, findings }: Report): string {
  const rows = [...deviceRows(device), ...(model ? modelRows(model, device) : fitRows(fits))]
  return `${table(rows)}\n\n${advice(findings)}`
}

type Row = readonly [string, string]

function deviceRows({ machine, processors, threads, webAssembly, memory, kernels }: Device): Row[] {
  return [
    ['CPU', `${machine.cpu}, ${machine.platform}, ${machine.runtime}`],
    ['vector extensions', machine.simd.join(' ') || 'not listed by this system'],
    ['processors', `${grouped(processors.present)}, of which this process may use ${grouped(processors.usable)}`],
    [
      'threads',
      `${grouped(threads.count)}: one a processor, of at most 8, and one for ${formatBytes(threads.bytesEach)} of weights`,
    ],
    ['of them write', describeWriting(threads)],
    ['shared memory', threads.sharedMemory ? 'yes' : 'no, so one thread has to do everything'],
    ['WebAssembly', describeWebAssembly(webAssembly)],
    ['kernels', describeKernels(kernels)],
    ['memory', `${formatBytes(memory.available)} of ${formatBytes(memory.total)} can be taken`],
  ]
}

function describeWriting({ writing }: Device['threads']): string {
  if (!writing) return 'not measured yet: the first longer reply of a model will show how many are fastest'
  return `${grouped(writing.threads)}, which was fastest on ${writing.measured.toISOString().slice(0, 10)}`
}

function describeKernels({ right, failure }: Device['kernels']): string {
  if (right === 0) return failure ?? 'none'
  return `${grouped(right)} compute what they should${failure === undefined ? '' : ', in place of some that do not'}`
}

const OPERANDS: Readonly<Record<Device['webAssembly']['operands'], string>> = {
  bytes: 'whole bytes are multiplied four at a time (the best there is)',
  'seven-bits': 'bytes of seven bits are multiplied two at a time',
  lanes: 'numbers of 16 bits are multiplied two at a time',
}

function describeWebAssembly({ simd, relaxedSimd, operands }: Device['webAssembly']): string {
  if (!simd) return 'no SIMD'
  return `SIMD${relaxedSimd ? ', relaxed SIMD' : ''}; ${OPERANDS[operands]}`
}

function modelRows({ name, fits, ...model }: ModelFit, { memory }: Device): Row[] {
  const context = `with ${grouped(model.contextLength)} tokens of context`
  const longest =
    model.longestContext > 0
      ? `--context ${model.longestContext} is the longest that fits`
      : 'its weights alone are too large'
  return [
    ['model', name],
    [
      'fits',
      `${fits ? 'yes' : 'no'}: it takes ${formatBytes(model.bytes)} ${context}, of ${formatBytes(memory.available)}; ${longest}`,
    ],
    ['it would run on', `${grouped(model.threads)} thread${model.threads === 1 ? '' : 's'}`],
  ]
}

function fitRows(fits: readonly Fit[]): Row[] {
  const sizes = (wanted: boolean) =>
    fits.filter((fit) => fit.fits === wanted).map(({ name, bytes }) => `${name} (about ${formatBytes(bytes)})`)
  const rows: Row[] = [['fits', ['nano', ...sizes(true)].join(', ')]]
  const tooLarge = sizes(false)
  return tooLarge.length === 0 ? rows : [...rows, ['does not fit', tooLarge.join(', ')]]
}

function advice(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing here makes models slow. "laju bench MODEL" measures one.'
  return findings.map(({ problem, remedy }) => `slow: ${neutralise(problem)}\n  what to do: ${remedy}`).join('\n')
}
