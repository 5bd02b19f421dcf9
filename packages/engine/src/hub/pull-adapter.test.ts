import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { HubServer } from '../testing/hub-server.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openAdapter } from './open-adapter.ts'
import { locate } from './pull.ts'

const fixture = (file: string) =>
  readFileSync(fileURLToPath(new URL(`../architectures/fixtures/adapters/qwen3-patterns/${file}`, import.meta.url)))

beforeEach(() => {
  vi.stubEnv('HF_HOME', temporaryFolder())
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'HUGGINGFACE_HUB_CACHE'])
    vi.stubEnv(name, undefined)
})
afterEach(() => vi.unstubAllEnvs())

it('an adapter on the Hub is fetched once, and opens where the cache keeps it', async () => {
  await using server = await HubServer.start({
    'adapter_config.json': fixture('adapter_config.json'),
    'adapter_model.safetensors': fixture('adapter_model.safetensors'),
    'README.md': new Uint8Array(10),
    'optimizer.pt': new Uint8Array(10),
  })
  vi.stubEnv('HF_ENDPOINT', server.url)
  const path = await locate('hf:owner/model')
  expect(readdirSync(path).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  vi.stubEnv('HF_HUB_OFFLINE', '1')
  expect(await locate('hf:owner/model')).toBe(path)
  const adapter = await openAdapter(path)
  expect(adapter.pairs.size).toBe(8)
  await adapter.close()
})
