import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { recallThreads } from '#machine/thread-memory'
import { describe as describeModel } from '../../../architectures/describe.ts'
import { openCheckpoint } from '../../../hub/open-checkpoint.ts'
import { concatenate, Harness } from '../../../testing/harness.ts'
import { sharedData } from '../../../testing/shared-data.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import type { CacheType } from '../../backend.ts'
import { wasmBackend } from '../backend.ts'
import { createBank } from '../bank.ts'
import { BatchInputs } from '../batch-inputs.ts'
import { compileGraph } from '../compile.ts'
import { viewsOf } from '../layout/pack.ts'
import { planMemory } from '../plan.ts'
import { Team } from './team.ts'

const nano = fileURLToPath(new URL('../../../../../nano/nano-q8_0.gguf', import.meta.url))
const models = sharedData('refmodels')
const quantised = sharedData('quantised')
const adapter = fileURLToPath(new URL('../../../architectures/fixtures/adapters/qwen3-everywhere', import.meta.url))

interface Way {
  readonly threads: number
  /** Most tokens in a batch. */
  readonly maxTokens: number
  readonly adapterPath?: string
  /** Default `f16`. */
  readonly cacheType?: CacheType
}

/** Logits of a prompt of 80 tokens, in batches, and of 10 that follow one by one. */
async function logitsOf(
  path: string,
  { threads, maxTokens, adapterPath, cacheType = 'f16' }: Way,
): Promise<Float32Array> {
  const harness = await Harness.load(path, wasmBackend, { threads, maxTokens, cacheType })
  try {
    if (adapterPath) await harness.attach(adapterPath)
    const sequence = harness.cache.create()
    const ids = Array.from({ length: 90 }, (_, i) => (i * 37 + 5) % 200)
    const rows = [await harness.forward(ids.slice(0, 80), sequence)]
    for (const id of ids.slice(80)) rows.push(await harness.forward([id], sequence))
    return concatenate(rows)
  } finally {
    harness.dispose()
  }
}

async function expectSameLogits(path: string, given: Pick<Way, 'adapterPath' | 'cacheType'> = {}): Promise<void> {
  const expected = await logitsOf(path, { threads: 1, maxTokens: 64, ...given })
  expect(expected.every(Number.isFinite)).toBe(true)
  for (const way of [
    { threads: 2, maxTokens: 64 },
    { threads: 3, maxTokens: 7 },
    { threads: 1, maxTokens: 80 },
  ]) {
    expect(await logitsOf(path, { ...way, ...given }), JSON.stringify(way)).toEqual(expected)
  }
}

describe('any number of threads and any cutting of batches give the same logits to the bit', () => {
  test('of the bundled model', () => expectSameLogits(nano))

  test.each(['f32', 'i16', 'q8_0'] as const)('over a cache of %s', (cacheType) => expectSameLogits(nano, { cacheType }))

  test
    .skipIf(!models)
    .each([
      ...['llama-plain', 'llama3-scaled', 'qwen2', 'qwen2-yarn', 'qwen3', 'qwen3-moe'],
      ...['qwen2/qwen2.f32.gguf', 'qwen3-moe/qwen3-moe.f32.gguf'],
    ])('of %s', (model) => expectSameLogits(`${models}/${model}`))

  test
    .skipIf(!quantised)
    .each([
      ...['f32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K_M', 'Q4_K_M', 'Q5_K_M', 'Q6_K'],
      ...['IQ4_NL', 'IQ4_XS', 'TQ1_0', 'TQ2_0', 'MXFP4_MOE'],
    ])('of %s', (type) => expectSameLogits(`${quantised}/qwen3.${type}.gguf`))

  test.skipIf(!models)('with an adapter', () => expectSameLogits(`${models}/qwen3`, { adapterPath: adapter }))
})

describe('threads that write', () => {
  /** Logits of so many steps of one token. */
  async function write(options: { threads: number; triesFewerThreads?: boolean }, steps: number) {
    const checkpoint = await openCheckpoint(nano)
    const { graph, tensors } = await describeModel(checkpoint)
    const limits = { maxTokens: 1, maxRows: 1, pages: 1, cacheType: 'f16' as const }
    const model = wasmBackend.compile(graph, tensors, { ...limits, ...options })
    await model.load(tensors)
    await checkpoint.close()
    const rows: Float32Array[] = []
    for (let position = 0; position < steps; position++) {
      const [ids, positions, zero] = [Int32Array.of(position + 7), Int32Array.of(position), Int32Array.of(0)]
      const batch = { ids, positions, sequences: zero, pageTables: [zero], outputRows: zero }
      rows.push((await model.step(batch)).slice())
    }
    model.dispose()
    return concatenate(rows)
  }

  test('are those that are fastest in the first steps, which is remembered, and give the same to the bit', async () => {
    const cache = temporaryFolder()
    vi.stubEnv('XDG_CACHE_HOME', cache)
    onTestFinished(() => void vi.unstubAllEnvs())
    const expected = await write({ threads: 1 }, 40)
    const run = vi.spyOn(Team.prototype, 'run')
    onTestFinished(() => run.mockRestore())
    expect(await write({ threads: 3, triesFewerThreads: true }, 40)).toEqual(expected)
    const tried = new Set(run.mock.calls.map(([, , threads]) => threads))
    expect(tried).toEqual(new Set([3, 2]))
    const remembered = await vi.waitUntil(() => recallThreads(3))
    run.mockClear()
    expect(await write({ threads: 3, triesFewerThreads: true }, 40)).toEqual(expected)
    expect(run.mock.calls.every(([, , threads]) => threads === remembered.threads)).toBe(true)
    expect(run.mock.calls).toHaveLength(remembered.threads === 1 ? 0 : 40)
    run.mockClear()
    await write({ threads: 3 }, 2)
    expect(run.mock.calls.map(([, , threads]) => threads)).toEqual([3, 3])
  })
})

/** What a team needs for the bundled model. */
async function compiled() {
  const checkpoint = await openCheckpoint(nano)
  const { graph, tensors } = await describeModel(checkpoint)
  await checkpoint.close()
  const options = { maxTokens: 8, maxRows: 1, pages: 1, cacheType: 'f16', threads: 2 } as const
  const plan = planMemory(graph, tensors, options)
  const bank = createBank(plan.bytes, { types: plan.types, shared: true })
  const inputs = new BatchInputs(plan, options, 100, viewsOf(bank.memory.buffer))
  const instructions = compileGraph(graph, [{ plan, bank }], inputs, 'f16', { threads: 2 })
  const ids = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 0])
  inputs.write({
    ...{ ids, positions: Int32Array.from(ids.keys()), sequences: new Int32Array(8) },
    ...{ pageTables: [Int32Array.of(0)], outputRows: Int32Array.of(7) },
  })
  return {
    work: {
      ...{ graph, plans: [plan], module: bank.module, memories: [bank.memory] },
      ...{ threads: 2, cacheType: 'f16' as const },
    },
    instructions,
    inputs,
  }
}

describe('a thread that dies', () => {
  test('at the start makes loading fail', async () => {
    const { work, instructions } = await compiled()
    const broken = { ...work, plans: [{ ...work.plans[0], matrices: new Map() }] }
    await expect(Team.start(broken, instructions.length)).rejects.toMatchObject({ code: 'worker-failed' })
  })

  test('in the middle of a step ends it, and every later one', async () => {
    const { work, instructions, inputs } = await compiled()
    // Beyond the memory: a kernel of the second thread traps, in a block that it has claimed.
    const values = work.plans[0].values.map(({ stride }) => ({ address: 2 ** 32 - 64, stride }))
    const team = await Team.start({ ...work, plans: [{ ...work.plans[0], values }] }, instructions.length)
    const slow = instructions.map((instruction) => ({
      ...instruction,
      run: (from: number, to: number) => {
        const end = performance.now() + 2
        while (performance.now() < end) {}
        instruction.run(from, to)
      },
    }))
    const steps = async () => {
      for (let step = 0; step < 50; step++) await team.run(slow, inputs, 2)
    }
    await expect(steps()).rejects.toMatchObject({ code: 'worker-failed' })
    await expect(team.run(instructions, inputs, 2)).rejects.toMatchObject({ code: 'worker-failed' })
    team.stop()
    team.stop()
  })
})
