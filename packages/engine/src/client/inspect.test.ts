import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { inspect, openTokenizer } from './inspect.ts'

const nano = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))

describe('inspect', () => {
  it('tells from the headers what a model is and needs', async () => {
    const info = await inspect(nano)
    expect(info).toMatchObject({ name: 'nano', architecture: 'qwen3', backend: 'wasm', layers: 5, vocabulary: 1280 })
    expect(info.parameters).toBe(1_148_608)
    expect(info.switchableThinking).toBe(true)
    // Keys and values of 2 heads of 32, 16 bits each, with a float as the scale of each 32; 5 layers, 1,024 tokens.
    expect(info.fullContextMemory.cache).toBe(2 * 2 * (32 * 2 + 4) * 5 * 1024)
    const { weights, cache, activations, total } = info.memory
    expect(weights + cache + activations).toBe(total)
  })

  it('needs as much more memory as the context is longer', async () => {
    const [short, long] = await Promise.all([64, 1024].map((contextLength) => inspect(nano, { contextLength })))
    expect(long.memory.cache).toBe(16 * short.memory.cache)
  })
})

describe('openTokenizer', () => {
  it('needs no weights', async () => {
    const tokenizer = await openTokenizer(nano)
    expect(tokenizer.decode(tokenizer.encode('12 + 7 = 19'))).toBe('12 + 7 = 19')
  })
})
