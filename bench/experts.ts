import { parseArgs } from 'node:util'
import { wasmBackend } from '../packages/engine/src/backends/wasm/backend.ts'
import type { Expert, Graph, Weight } from '../packages/engine/src/graph/operations.ts'
import { Recorder } from '../packages/engine/src/graph/recorder.ts'
import { randomTensor } from '../packages/engine/src/testing/random-tensors.ts'
import type { Tensor } from '../packages/engine/src/weights/tensor.ts'
import { runCommand, UsageError } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures one mixture of experts of Qwen3-30B-A3B (128 experts of 768, 8 used, width 2048) in Q4_0 on one
thread, beside the same 128 networks one after the other for the same tokens, which have no choice to make.

  node bench/experts.ts

Printed are milliseconds a step: lower quartile, median, upper quartile.`

const [EXPERTS, USED, WIDTH, FEED_FORWARD] = [128, 8, 2048, 768]
const [TOKENS, VOCABULARY] = [64, 1024]

/** Every expert is a place of its own in memory, though all hold the same numbers. */
class Case {
  readonly recorder = new Recorder()
  readonly tensors = new Map<string, Tensor>()
  readonly input = this.recorder.embedding(this.#weight('table', [VOCABULARY, WIDTH]), 'input')
  readonly experts = Array.from(
    { length: EXPERTS },
    (_, e): Expert => ({
      gate: this.#weight(`gate.${e}`, [FEED_FORWARD, WIDTH]),
      up: this.#weight(`up.${e}`, [FEED_FORWARD, WIDTH]),
      down: this.#weight(`down.${e}`, [WIDTH, FEED_FORWARD]),
    }),
  )

  mixture(): Graph {
    const { recorder, experts, input } = this
    const router = this.#weight('router', [EXPERTS, WIDTH])
    return recorder.finish(recorder.experts(input, { router, experts, used: USED, normalise: true }, 'output'))
  }

  dense(): Graph {
    const { recorder, input } = this
    const outputs = this.experts.map(({ gate, up, down }, e) => {
      const [a, b] = [recorder.linear(input, gate, `a${e}`), recorder.linear(input, up, `b${e}`)]
      return recorder.linear(recorder.gatedActivation(a, b, 'silu', `c${e}`), down, `d${e}`)
    })
    return recorder.finish(outputs.reduce((sum, output, e) => recorder.add(sum, output, `sum${e}`)))
  }

  #weight(name: string, shape: readonly [number, number]): Weight {
    const type = name === 'table' || name === 'router' ? 'F32' : 'Q4_0'
    this.tensors.set(name, { ...numbers(type, shape), name })
    return { name, rows: shape[0], columns: shape[1] }
  }
}

const NUMBERS = new Map<string, Tensor>()

function numbers(type: 'F32' | 'Q4_0', shape: readonly number[]): Tensor {
  const key = shape.join()
  const known = NUMBERS.get(key) ?? randomTensor(key, type, shape, NUMBERS.size)
  NUMBERS.set(key, known)
  return known
}

async function measure(name: string, graph: Graph, tensors: Case['tensors'], tokens: number): Promise<void> {
  const options = { maxTokens: TOKENS, maxRows: 1, pages: 1, cacheType: 'f16', threads: 1 } as const
  const model = wasmBackend.compile(graph, tensors, options)
  await model.load(tensors)
  const times: number[] = []
  for (let round = 0; round < 40; round++) {
    const positions = Int32Array.from({ length: tokens }, (_, t) => t)
    // Other tokens each time, and so other experts.
    const ids = positions.map((t) => (round * tokens + t) % VOCABULARY)
    const place = { sequences: new Int32Array(tokens), pageTables: [Int32Array.of(0)], outputRows: Int32Array.of(0) }
    const start = performance.now()
    await model.step({ ids, positions, ...place })
    times.push(performance.now() - start)
  }
  model.dispose()
  const { lower, median, upper } = quartiles(times)
  const columns = [lower, median, upper].map((time) => time.toFixed(2).padStart(10))
  console.log(`${name.padEnd(30)}${columns.join('')} ms`)
}

await runCommand(USAGE, async () => {
  if (parseArgs({ allowPositionals: true }).positionals.length > 0) throw new UsageError('There is nothing to name.')
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${cpu}, ${simd.join(' ')}; ${runtime}`)
  for (const tokens of [1, 8, 64]) {
    const example = new Case()
    await measure(`experts, ${tokens} tokens`, example.mixture(), example.tensors, tokens)
  }
  for (const tokens of [1, 4]) {
    const example = new Case()
    await measure(`all 128, ${tokens} tokens each`, example.dense(), example.tensors, tokens)
  }
})
