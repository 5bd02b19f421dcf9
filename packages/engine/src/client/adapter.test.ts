import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { inspect, inspectAdapter } from './inspect.ts'
import { load, type Model } from './model.ts'

const model = sharedData('refmodels/llama3-scaled')
const path = model ?? ''
const fixture = (name: string) => fileURLToPath(new URL(`../architectures/fixtures/adapters/${name}`, import.meta.url))
const logits = async (of: Model) => (await of.forward([1, 2, 3, 4])).logits

describe.skipIf(!model)('Adapter', () => {
  it('is attached at load and at run time to the same effect, and detached without a trace', async () => {
    await using plain = await load(path)
    const before = await logits(plain)
    const adapters = [fixture('llama-attention'), { name: fixture('llama-head'), scale: 0.5 }]
    await using with2 = await load(path, { adapters })
    expect(with2.adapters.map(({ scale, info }) => [info.name, scale])).toEqual([
      ['llama-attention', 1],
      ['llama-head', 0.5],
    ])
    const first = await plain.attach(fixture('llama-attention'))
    const second = await plain.attach(fixture('llama-head'))
    await second.setScale(0.5)
    expect(second.scale).toBe(0.5)
    expect(await logits(plain)).toEqual(await logits(with2))
    expect(await logits(plain)).not.toEqual(before)
    await first.detach()
    await second.detach()
    expect(plain.adapters).toEqual([])
    expect(await logits(plain)).toEqual(before)
    await expect(second.setScale(1)).rejects.toMatchObject({ code: 'disposed' })
  })

  it('that does not fit is a typed error, at load too', async () => {
    const wrong = fixture('qwen3-patterns.gguf')
    const error = await load(path, { adapters: [wrong] }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error).toMatchObject({ code: 'adapter-mismatch', file: wrong, field: 'general.architecture' })
  })

  it('is left as it is while the model is computing, and can be changed at once after an abort', async () => {
    await using loaded = await load(path)
    const adapter = await loaded.attach(fixture('llama-head'))
    const ids = Array.from({ length: 400 }, (_, i) => i % 300)
    const running = loaded.forward(ids)
    // Both at once: on a busy machine the model may be done before a second one is asked for.
    const busy = { code: 'busy' }
    await Promise.all([
      expect(adapter.setScale(2)).rejects.toMatchObject(busy),
      expect(adapter.detach()).rejects.toMatchObject(busy),
    ])
    expect([adapter.scale, loaded.adapters.length]).toEqual([1, 1])
    await running
    const controller = new AbortController()
    const aborted = loaded.forward(ids, controller).catch((error: Error) => error.name)
    controller.abort()
    await adapter.detach()
    expect(await aborted).toBe('AbortError')
    expect(loaded.adapters).toEqual([])
  })

  it('is told from a model', async () => {
    for (const name of ['llama-head', 'llama-head/adapter_model.safetensors', 'llama-attention.gguf']) {
      await expect(load(fixture(name))).rejects.toMatchObject({ code: 'is-an-adapter', remedy: expect.any(String) })
      await expect(inspect(fixture(name))).rejects.toMatchObject({ code: 'is-an-adapter' })
      expect((await inspectAdapter(fixture(name))).parameters).toBeGreaterThan(5000)
    }
    await expect(inspectAdapter(`${path}/llama3-scaled.f32.gguf`)).rejects.toMatchObject({
      code: 'unsupported-adapter',
      field: 'general.type',
    })
  })
})
