import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startRevectorizing } from '../backends/wasm/revectorize.ts'
import { load } from './model.ts'

const nano = fileURLToPath(new URL('../../../nano/nano-q8_0.gguf', import.meta.url))
const canRevectorize = Number.parseInt(process.versions.node, 10) >= 24 && process.arch === 'x64'
const IDS = Array.from({ length: 100 }, (_, i) => (i * 37 + 5) % 200)

describe('revectorize', () => {
  it.skipIf(!canRevectorize).each([1, 2])('changes no bit of what %i threads compute', async (threads) => {
    await using plain = await load(nano, { threads })
    const expected = await plain.forward(IDS)
    await using model = await load(nano, { threads, revectorize: true })
    expect(await model.forward(IDS)).toEqual(expected)
    const { notices } = model.info
    if (process.versions.node.startsWith('24.'))
      expect(notices).toEqual([expect.stringContaining('nothing on Node 24')])
    else expect(notices).toEqual([])
  })

  it('is refused where it cannot be had', async () => {
    const refused = { code: 'invalid-option', field: 'revectorize', remedy: expect.stringContaining('Node 26') }
    const runtimes = [
      { versions: { node: '22.18.0' }, arch: 'x64' },
      { versions: { node: '26.1.0' }, arch: 'arm64' },
      { versions: {} },
    ]
    for (const runtime of runtimes) await expect(startRevectorizing(runtime)).rejects.toMatchObject(refused)
  })

  it('is refused for a backend without kernels', async () => {
    const refused = { code: 'invalid-option', field: 'revectorize' }
    await expect(load(nano, { revectorize: true, backend: 'reference' })).rejects.toMatchObject(refused)
  })
})
