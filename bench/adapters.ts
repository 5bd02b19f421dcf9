import { parseArgs } from 'node:util'
import { describe } from '../packages/engine/src/architectures/describe.ts'
import type { Batch } from '../packages/engine/src/backends/backend.ts'
import { wasmBackend } from '../packages/engine/src/backends/wasm/backend.ts'
import type { LowRankUpdates } from '../packages/engine/src/graph/low-rank.ts'
import type { Graph } from '../packages/engine/src/graph/operations.ts'
import { openCheckpoint } from '../packages/engine/src/hub/open-checkpoint.ts'
import { randomNumbers } from '../packages/engine/src/testing/random-tensors.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures what an adapter on every linear layer but the head costs a step, on one thread.

  node bench/adapters.ts FILE [--rank N] [--rounds N]

  --rank N    of the adapter (default 16)
  --rounds N  how often each is run, by turns (default 8)

Printed are milliseconds a step: lower quartile, median, upper quartile.`

const TOKENS = 64
/** Timed together, after one that is not. */
const STEPS = 4

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rank: { type: 'string', default: '16' }, rounds: { type: 'string', default: '8' } },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const rank = wholeNumber('rank', values.rank, 1)
  const rounds = wholeNumber('rounds', values.rounds, 1)
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${cpu}, ${simd.join(' ')}; ${runtime}; rank ${rank}`)
  await measure(file, rank, rounds)
})

async function measure(file: string, rank: number, rounds: number): Promise<void> {
  const checkpoint = await openCheckpoint(file)
  const { graph, tensors } = await describe(checkpoint)
  const model = wasmBackend.compile(graph, tensors, {
    maxTokens: TOKENS,
    maxRows: 1,
    pages: 1,
    cacheType: 'f16',
    threads: 1,
  })
  await model.load(tensors)
  await checkpoint.close()
  const updates = adapterOf(graph, rank)
  for (const tokens of [1, TOKENS]) {
    const times = [[], [], []] as number[][]
    for (let round = 0; round < rounds; round++) {
      for (const [adapters, all] of times.entries()) {
        const attached = Array.from({ length: adapters }, () => model.attach(updates, 1))
        await model.step(batchOf(tokens))
        const start = performance.now()
        for (let step = 0; step < STEPS; step++) await model.step(batchOf(tokens))
        all.push((performance.now() - start) / STEPS)
        for (const adapter of attached) adapter.detach()
      }
    }
    for (const [adapters, all] of times.entries()) {
      const { lower, median, upper } = quartiles(all)
      const columns = [lower, median, upper].map((time) => time.toFixed(2).padStart(10))
      console.log(`${`${tokens} tokens, ${adapters} adapters`.padEnd(30)}${columns.join('')} ms`)
    }
  }
  model.dispose()
}

function adapterOf({ operations }: Graph, rank: number): LowRankUpdates {
  const random = randomNumbers(1)
  const numbers = (count: number) => Float32Array.from({ length: count }, () => random() * 0.02 - 0.01)
  return new Map(
    operations.flatMap((operation) => {
      if (operation.kind !== 'linear' || operation.output.size === 'rows') return []
      const { name, rows, columns } = operation.weight
      return [[name, { rank, a: numbers(rank * columns), b: numbers(rows * rank), scale: 1 }] as const]
    }),
  )
}

function batchOf(tokens: number): Batch {
  const positions = Int32Array.from({ length: tokens }, (_, t) => t)
  const place = { sequences: new Int32Array(tokens), pageTables: [Int32Array.of(0)] }
  return { ids: positions, positions, ...place, outputRows: Int32Array.of(tokens - 1) }
}
