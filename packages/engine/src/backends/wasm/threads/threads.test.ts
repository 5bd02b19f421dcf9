import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { describe as describeModel } from '../../../architectures/describe.ts'
import { openCheckpoint } from '../../../hub/open-checkpoint.ts'
import { Harness } from '../../../testing/harness.ts'
import { sharedData } from '../../../testing/shared-data.ts'
import { wasmBackend } from '../backend.ts'
import { createBank } from '../bank.ts'
import { BatchInputs } from '../batch-inputs.ts'
import { compileGraph } from '../compile.ts'
import { viewsOf } from '../layout/pack.ts'
import { planMemory } from '../plan.ts'
import { Team } from './team.ts'

const nano = fileURLToPath(new URL('../../../../../nano/nano-q8_0.gguf', import.meta.url))
const experts = sharedData('refmodels/qwen3-moe')
const adapter = fileURLToPath(new URL('../../../architectures/fixtures/adapters/qwen3-everywhere', import.meta.url))
const adapted = sharedData('refmodels/qwen3')

/** Logits of a prompt in two batches, and of some tokens that follow one by one. */
async function logitsOf(path: string, threads: number, adapterPath?: string): Promise<Float32Array[]> {
  const harness = await Harness.load(path, wasmBackend, { threads, cacheType: 'f16' })
  try {
    if (adapterPath) await harness.attach(adapterPath)
    const sequence = harness.cache.create()
    const ids = Array.from({ length: 90 }, (_, i) => (i * 37 + 5) % 200)
    const rows = [await harness.forward(ids.slice(0, 80), sequence)]
    for (const id of ids.slice(80)) rows.push(await harness.forward([id], sequence))
    return rows
  } finally {
    harness.dispose()
  }
}

describe('any number of threads gives the same logits to the bit', () => {
  test.each([2, 3])('with %i', async (threads) => {
    expect(await logitsOf(nano, threads)).toEqual(await logitsOf(nano, 1))
  })

  test.skipIf(!experts)('with experts', async () => {
    expect(await logitsOf(experts ?? '', 2)).toEqual(await logitsOf(experts ?? '', 1))
  })

  test.skipIf(!adapted)('with an adapter', async () => {
    expect(await logitsOf(adapted ?? '', 2, adapter)).toEqual(await logitsOf(adapted ?? '', 1, adapter))
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
  const instructions = compileGraph(graph, plan, bank, inputs, 'f16', { threads: 2 })
  const ids = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 0])
  inputs.write({
    ...{ ids, positions: Int32Array.from(ids.keys()), sequences: new Int32Array(8) },
    ...{ pageTables: [Int32Array.of(0)], outputRows: Int32Array.of(7) },
  })
  return {
    work: { graph, plan, module: bank.module, memory: bank.memory, threads: 2, cacheType: 'f16' as const },
    instructions,
    inputs,
  }
}

describe('a thread that dies', () => {
  test('at the start makes loading fail', async () => {
    const { work, instructions } = await compiled()
    const broken = { ...work, plan: { ...work.plan, matrices: new Map() } }
    await expect(Team.start(broken, instructions.length)).rejects.toMatchObject({ code: 'worker-failed' })
  })

  test('in the middle of a step ends it, and every later one', async () => {
    const { work, instructions, inputs } = await compiled()
    // Beyond the memory: a kernel of the second thread traps, in a block that it has claimed.
    const values = work.plan.values.map(({ stride }) => ({ address: 2 ** 32 - 64, stride }))
    const team = await Team.start({ ...work, plan: { ...work.plan, values } }, instructions.length)
    const slow = instructions.map((instruction) => ({
      ...instruction,
      run: (from: number, to: number) => {
        const end = performance.now() + 2
        while (performance.now() < end) {}
        instruction.run(from, to)
      },
    }))
    const steps = async () => {
      for (let step = 0; step < 50; step++) await team.run(slow, inputs)
    }
    await expect(steps()).rejects.toMatchObject({ code: 'worker-failed' })
    await expect(team.run(instructions, inputs)).rejects.toMatchObject({ code: 'worker-failed' })
    team.stop()
    team.stop()
  })
})
