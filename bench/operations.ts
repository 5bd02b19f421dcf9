import { parseArgs } from 'node:util'
import { CACHE_TYPES, type CacheType } from '../packages/engine/src/backends/backend.ts'
import { createBank, type KernelName } from '../packages/engine/src/backends/wasm/bank.ts'
import { ceilingKernel } from '../packages/engine/src/backends/wasm/ceilings.ts'
import { attentionUnitsAtOnce } from '../packages/engine/src/backends/wasm/kernels/attention.ts'
import {
  attentionScratchBytes,
  TASK_BYTES,
  TASK_TOKENS,
} from '../packages/engine/src/backends/wasm/kernels/attention-unit.ts'
import { bestOperands } from '../packages/engine/src/backends/wasm/kernels/operands.ts'
import {
  activationStride,
  groupBytes,
  matrixBytes,
  ROUNDINGS,
} from '../packages/engine/src/backends/wasm/layout/geometry.ts'
import { pageBytes } from '../packages/engine/src/backends/wasm/layout/key-value-pages.ts'
import { roundingOf } from '../packages/engine/src/backends/wasm/layout/pack.ts'
import { DECODABLE_TYPES, type DecodableType, isFloat } from '../packages/engine/src/weights/element-type.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'

const USAGE = `Measures the kernels of the wasm backend on one thread, against what the machine can do in the same run.

  node bench/operations.ts [--milliseconds N] [--only TEXT]

  --milliseconds N  time for each kernel (default 300)
  --only TEXT       kernels with this text in their name

Printed are the best call and the lower quartile of all: neighbours slow single calls.`

/** More than any cache holds. */
const COLD_BYTES = 2 ** 29
const INPUT = COLD_BYTES
const OUTPUT = INPUT + 2 ** 26
const BANK_BYTES = OUTPUT + 2 ** 26

const bank = createBank(BANK_BYTES, { types: DECODABLE_TYPES })

interface Rate {
  readonly best: number
  readonly quartile: number
}

/** Billions of units of work in a second. */
function measure(work: number, milliseconds: number, run: (round: number) => void): Rate {
  const times: number[] = []
  for (const start = performance.now(); performance.now() - start < milliseconds || times.length < 4; ) {
    const before = performance.now()
    run(times.length)
    times.push(performance.now() - before)
  }
  times.sort((a, b) => a - b)
  return { best: work / times[0] / 1e6, quartile: work / times[times.length >> 2] / 1e6 }
}

function print(name: string, rate: Rate, unit: string, ceiling?: Rate): void {
  const share = ceiling ? `${((100 * rate.best) / ceiling.best).toFixed(0).padStart(6)} %` : ''
  console.log(
    `${name.padEnd(36)}${rate.best.toFixed(1).padStart(7)}${rate.quartile.toFixed(1).padStart(8)} ${unit.padEnd(8)}${share}`,
  )
}

/** Fills the bank with halves and floats of ordinary size: subnormal numbers would slow every kernel. */
function fill(): void {
  const words = new Uint32Array(bank.memory.buffer)
  let state = 1
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    words[i] = (state & 0x03ff_03ff) | 0x2c00_2c00
  }
  new Float32Array(bank.memory.buffer, INPUT, 2 ** 22).fill(0.5)
}

function measureCeilings(milliseconds: number) {
  const { memory } = bank
  const [read, float, integer] = [
    ceilingKernel('read', memory),
    ceilingKernel('float', memory),
    ceilingKernel(bestOperands(), memory),
  ]
  const bytes = 2 ** 22
  const rounds = 50_000
  return {
    read: measure(bytes, milliseconds, (round) => read.run((round * bytes) % COLD_BYTES, bytes / read.workOfRound)),
    float: measure(float.workOfRound * rounds, milliseconds, () => float.run(INPUT, rounds)),
    integer: measure(integer.workOfRound * rounds, milliseconds, () => integer.run(INPUT, rounds)),
  }
}

type Ceilings = ReturnType<typeof measureCeilings>

function measureLinear(type: DecodableType, rows: number, columns: number, tokens: number, milliseconds: number): Rate {
  const kernel = bank.kernel(`linear_${type}`)
  const rounding = roundingOf(type)
  const [stride, steps] = rounding ? [activationStride(rounding, columns), columns / 32] : [4 * columns, columns]
  if (rounding) bank.kernel(`quantize_${rounding}`)(INPUT, 4 * columns, OUTPUT, stride, columns / 32, 0, tokens)
  const input = rounding ? OUTPUT : INPUT
  const output = OUTPUT + 2 ** 25
  const bytes = matrixBytes(type, rows, columns)
  const group = groupBytes(type, columns)
  return measure(tokens === 1 ? bytes : 2 * rows * columns * tokens, milliseconds, (round) => {
    const weights = tokens === 1 ? ((round * bytes) % (COLD_BYTES - bytes)) & -64 : 0
    for (let from = 0; from < rows / 8; from += 16) {
      kernel(weights, group, input, stride, tokens, output, 4 * rows, steps, from, Math.min(from + 16, rows / 8))
    }
  })
}

/** 16 query and 8 key-value heads of 128, as in Qwen3-0.6B, in floating-point operations; the last tokens of a sequence. */
function measureAttention(type: CacheType, tokens: number, depth: number, milliseconds: number): Rate {
  const [heads, perGroup, headDimension] = [8, 2, 128]
  const words = new Int32Array(bank.memory.buffer)
  const bytes = pageBytes({ kind: 'kv', id: 0, keyValueHeads: heads, headDimension }, type)
  const scratch = OUTPUT + 2 ** 25
  const positions = scratch + attentionScratchBytes(headDimension)
  const task = positions + 4 * tokens
  const table = task + TASK_BYTES
  const pages = Math.ceil(depth / 64)
  for (let t = 0; t < tokens; t++) words[positions / 4 + t] = depth - tokens + t
  for (let page = 0; page < pages; page++) words[table / 4 + page] = page
  words.set([0, tokens, table, pages], task / 4)
  const kernel = bank.kernel(`attention_${type}`)
  const stride = 4 * heads * perGroup * headDimension
  const keys = tokens * depth - (tokens * (tokens - 1)) / 2
  // Of one token as many heads at once as the engine takes, of many one after the other: a short call may have the processor
  // for itself. Of so many layers that no cache holds them.
  const together = tokens === 1 ? attentionUnitsAtOnce(heads, 1, type) : 1
  return measure(4 * together * keys * perGroup * headDimension, milliseconds, (round) => {
    const layer = Math.floor((round * together) / heads) % Math.floor(COLD_BYTES / (pages * bytes))
    const state = [layer * pages * bytes, bytes, positions, task, 1, 0] as const
    const shape = [heads, perGroup, headDimension, 0.1, scratch] as const
    const from = (round * together) % heads
    kernel(INPUT, stride, OUTPUT, stride, ...state, ...shape, from, from + together)
  })
}

interface Case {
  readonly name: string
  readonly unit: string
  readonly ceiling?: keyof Ceilings
  readonly run: (milliseconds: number) => Rate
}

function linearCases(type: DecodableType): Case[] {
  return [
    {
      name: `linear ${type} 3072 x 1024, 1 token`,
      unit: 'GB/s',
      ceiling: 'read',
      run: (milliseconds) => measureLinear(type, 3072, 1024, 1, milliseconds),
    },
    {
      name: `linear ${type} 1024 x 1024, 64 tokens`,
      unit: 'GFLOP/s',
      ceiling: isFloat(type) ? 'float' : 'integer',
      run: (milliseconds) => measureLinear(type, 1024, 1024, 64, milliseconds),
    },
  ]
}

function attentionCase(type: CacheType, tokens: number, depth: number): Case {
  return {
    name: `attention ${type}, ${tokens} at ${depth}`,
    unit: 'GFLOP/s',
    ceiling: 'float',
    run: (milliseconds) => measureAttention(type, tokens, depth, milliseconds),
  }
}

/** A kernel that goes once over 64 rows of 1024 floats. */
function elementCase(name: KernelName, parameters: (stride: number) => number[]): Case {
  const [rows, columns] = [64, 1024]
  const kernel = bank.kernel(name)
  const given = [...parameters(4 * columns), 0, rows]
  const run = (milliseconds: number): Rate => measure(rows * columns, milliseconds, () => kernel(...given))
  return { name, unit: 'G elements/s', run }
}

const CASES: readonly Case[] = [
  ...DECODABLE_TYPES.flatMap(linearCases),
  ...([1, TASK_TOKENS] as const).flatMap((tokens) => [
    ...CACHE_TYPES.flatMap((type) => [attentionCase(type, tokens, 256), attentionCase(type, tokens, 4096)]),
  ]),
  ...ROUNDINGS.map((rounding) => {
    return elementCase(`quantize_${rounding}`, (stride) => {
      return [INPUT, stride, OUTPUT, activationStride(rounding, 1024), 32]
    })
  }),
  elementCase('normalize', (stride) => [INPUT, OUTPUT, stride, INPUT, 1, 1024, 1e-6]),
  elementCase('rotate_half', (stride) => [INPUT, OUTPUT, stride, INPUT, 64, 8, 128]),
  elementCase('gated_silu', (stride) => [INPUT, INPUT, OUTPUT, stride]),
  elementCase('add', (stride) => [INPUT, INPUT, OUTPUT, stride]),
]

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { milliseconds: { type: 'string', default: '300' }, only: { type: 'string', default: '' } },
  })
  if (positionals.length > 0) throw new UsageError('There is nothing to name.')
  const milliseconds = wholeNumber('milliseconds', values.milliseconds, 1)
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${cpu}, ${simd.join(' ')}; ${runtime}`)
  fill()
  const ceilings = measureCeilings(milliseconds)
  print('ceiling: streaming read', ceilings.read, 'GB/s')
  print('ceiling: f32x4 mul and add', ceilings.float, 'GFLOP/s')
  print(`ceiling: integers as ${bestOperands()}`, ceilings.integer, 'GFLOP/s')
  for (const { name, unit, ceiling, run } of CASES) {
    if (name.includes(values.only)) print(name, run(milliseconds), unit, ceiling && ceilings[ceiling])
  }
})
