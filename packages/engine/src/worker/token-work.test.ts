import { expect, it, describe as suite } from 'vitest'
import { describe } from '../architectures/describe.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { sharedData } from '../testing/shared-data.ts'
import { tokenWork } from './token-work.ts'

async function workOf(path: string) {
  const checkpoint = await openCheckpoint(path)
  const { graph, tensors, config } = await describe(checkpoint)
  const weights = graph.weights.reduce((sum, { name }) => sum + (tensors.get(name)?.byteLength ?? 0), 0)
  await checkpoint.close()
  // As if each page of 64 tokens took 6,400 bytes, and the weights in memory what they take in the file.
  const memory = { weights, state: 2 * 6400, activations: 0 }
  return { work: tokenWork(graph, tensors, { pages: 2 }, memory), config, tensors, weights }
}

const QWEN3 = sharedData('refmodels/qwen3/qwen3.f32.gguf') ?? ''
const EXPERTS = sharedData('refmodels/qwen3-moe/qwen3-moe.f32.gguf') ?? ''

suite.skipIf(!QWEN3 || !EXPERTS)('the work of a token', () => {
  it('is each matrix once, the table of embeddings only where it is the head as well', async () => {
    const { work, config, tensors } = await workOf(QWEN3)
    const matrices = [...tensors].filter(([name, { shape }]) => shape.length === 2 && name !== 'token_embd.weight')
    const blocks = matrices.filter(([name]) => name.startsWith('blk.'))
    const elements = blocks.reduce((sum, [, { shape }]) => sum + shape[0] * shape[1], 0)
    expect(work.operations).toEqual({ float: 2 * elements })
    expect(work.weightBytes).toBeCloseTo(4 * (elements + config.vocabulary * config.width), 3)
    expect(work.cacheBytesPerToken).toBe(100)
  })

  it('counts the experts that are chosen', async () => {
    const { work, config, tensors } = await workOf(EXPERTS)
    const { used, count } = config.experts ?? { used: 0, count: 1 }
    let operations = 0
    for (const [name, { shape }] of tensors) {
      if (shape.length !== 2 || !name.startsWith('blk.')) continue
      // A matrix of one expert is a view that bears its number.
      const isExpert = /ffn_(gate|up|down)\.\d+\./.test(name)
      operations += 2 * shape[0] * shape[1] * (isExpert ? used / count : 1)
    }
    expect(work.operations.float).toBeCloseTo(operations, 3)
  })
})
