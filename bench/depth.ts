import { parseArgs } from 'node:util'
import { describe } from '../packages/engine/src/architectures/describe.ts'
import {
  type Batch,
  CACHE_TYPES,
  type CacheType,
  type CompiledModel,
  PAGE_LENGTH,
} from '../packages/engine/src/backends/backend.ts'
import { wasmBackend } from '../packages/engine/src/backends/wasm/backend.ts'
import { openCheckpoint } from '../packages/engine/src/hub/open-checkpoint.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures what a step costs behind many tokens, by turns at the beginning of a text and at a depth.

  node bench/depth.ts FILE [--depth N] [--tokens N] [--rounds N] [--cache TYPE]

  --depth N   tokens before the step's (default 4096)
  --tokens N  tokens of a step, up to ${PAGE_LENGTH} (default 1)
  --rounds N  how often each is run (default 8)
  --cache T   how keys and values are kept: f32, f16, i16 or q8_0 (default i16)

Printed are milliseconds of processor time a step, on one thread: the best, lower quartile, median, upper quartile.`

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      depth: { type: 'string', default: '4096' },
      tokens: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '8' },
      cache: { type: 'string', default: 'i16' },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const depth = wholeNumber('depth', values.depth, 1)
  const tokens = wholeNumber('tokens', values.tokens, 1)
  if (tokens > PAGE_LENGTH) throw new UsageError(`--tokens is at most ${PAGE_LENGTH}.`)
  const rounds = wholeNumber('rounds', values.rounds, 1)
  const cacheType = CACHE_TYPES.find((type) => type === values.cache)
  if (!cacheType) throw new UsageError(`--cache is one of ${CACHE_TYPES.join(', ')}.`)
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${cpu}, ${simd.join(' ')}; ${runtime}`)
  const pages = Math.ceil(depth / PAGE_LENGTH) + 1
  const model = await loadModel(file, pages, cacheType)
  // One page of real keys and values, and copies of it.
  await model.step(batchOf(0, PAGE_LENGTH, pages))
  for (let page = 1; page < pages; page++) model.copyPage(0, page, PAGE_LENGTH)
  await measure(model, [0, depth], tokens, pages, rounds)
  model.dispose()
})

async function loadModel(file: string, pages: number, cacheType: CacheType): Promise<CompiledModel> {
  const checkpoint = await openCheckpoint(file)
  const { graph, tensors } = await describe(checkpoint)
  const options = { maxTokens: PAGE_LENGTH, maxRows: 1, pages, cacheType, threads: 1 } as const
  const model = wasmBackend.compile(graph, tensors, options)
  await model.load(tensors)
  await checkpoint.close()
  return model
}

async function measure(
  model: CompiledModel,
  depths: readonly number[],
  tokens: number,
  pages: number,
  rounds: number,
): Promise<void> {
  const times = depths.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [i, depth] of depths.entries()) {
      const start = process.cpuUsage()
      await model.step(batchOf(depth, tokens, pages))
      // The first round is one to warm up.
      if (round > 0) times[i].push(process.cpuUsage(start).user / 1000)
    }
  }
  for (const [i, depth] of depths.entries()) {
    const { lower, median, upper } = quartiles(times[i])
    const columns = [Math.min(...times[i]), lower, median, upper].map((time) => time.toFixed(2).padStart(10))
    console.log(`${`${tokens} at ${depth}`.padEnd(16)}${columns.join('')} ms`)
  }
}

function batchOf(depth: number, tokens: number, pages: number): Batch {
  return {
    ids: Int32Array.from({ length: tokens }, (_, t) => t),
    positions: Int32Array.from({ length: tokens }, (_, t) => depth + t),
    sequences: new Int32Array(tokens),
    pageTables: [Int32Array.from({ length: pages }, (_, page) => page)],
    outputRows: Int32Array.of(tokens - 1),
  }
}
