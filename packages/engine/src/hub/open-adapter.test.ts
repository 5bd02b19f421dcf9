import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openAdapter } from './open-adapter.ts'
import { openCheckpoint } from './open-checkpoint.ts'

const FIXTURES = fileURLToPath(new URL('../architectures/fixtures/adapters', import.meta.url))
const PEFT = join(FIXTURES, 'llama-attention')
const FILE = join(FIXTURES, 'llama-attention.gguf')

async function sizeOf(path: string): Promise<number> {
  const adapter = await openAdapter(path)
  await adapter.close()
  return adapter.pairs.size
}

describe('openAdapter', () => {
  it('takes a folder, its weights under any name, a GGUF file, and a folder with one', async () => {
    const folder = temporaryFolder()
    cpSync(FILE, join(folder, 'lora.gguf'))
    cpSync(PEFT, join(folder, 'peft'), { recursive: true })
    renameSync(join(folder, 'peft/adapter_model.safetensors'), join(folder, 'peft/mine.safetensors'))
    for (const path of [PEFT, FILE, folder, join(folder, 'peft/mine.safetensors')]) expect(await sizeOf(path)).toBe(8)
  })

  it('says what is wrong with a path', async () => {
    const folder = temporaryFolder()
    await expect(openAdapter(join(folder, 'none'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(openAdapter(folder)).rejects.toMatchObject({ code: 'not-found', field: 'adapter_config.json' })
    writeFileSync(join(folder, 'a.gguf'), 'version https://git-lfs.github.com/spec/v1')
    await expect(openAdapter(folder)).rejects.toMatchObject({ code: 'unsupported-format' })
    writeFileSync(join(folder, 'b.gguf'), '')
    await expect(openAdapter(folder)).rejects.toMatchObject({ code: 'not-found' })
  })

  it.skipIf(process.platform === 'win32')('refuses links in circles and out of the folder', async () => {
    const folder = temporaryFolder()
    const [circle, out] = [join(folder, 'circle'), join(folder, 'out')]
    symlinkSync(circle, circle)
    await expect(openAdapter(circle)).rejects.toMatchObject({ code: 'not-found' })
    mkdirSync(out)
    writeFileSync(join(out, 'adapter_config.json'), readFileSync(join(PEFT, 'adapter_config.json')))
    symlinkSync(join(PEFT, 'adapter_model.safetensors'), join(out, 'adapter_model.safetensors'))
    await expect(openAdapter(out)).rejects.toMatchObject({ code: 'not-a-file' })
  })

  it('and openCheckpoint tell adapters from models', async () => {
    for (const path of [PEFT, FILE, join(PEFT, 'adapter_model.safetensors')]) {
      await expect(openCheckpoint(path)).rejects.toMatchObject({ code: 'is-an-adapter', remedy: expect.any(String) })
    }
    const withConfig = temporaryFolder()
    cpSync(PEFT, withConfig, { recursive: true })
    writeFileSync(join(withConfig, 'config.json'), '{}')
    await expect(openCheckpoint(withConfig)).rejects.toMatchObject({ code: 'is-an-adapter' })
    writeFileSync(join(withConfig, 'model.safetensors'), '')
    await expect(openCheckpoint(withConfig)).rejects.toMatchObject({ code: 'truncated' })
    const model = sharedData('refmodels/qwen3')
    if (model === undefined) return
    await expect(openAdapter(model)).rejects.toMatchObject({ code: 'unsupported-adapter', field: 'general.type' })
    const weights = join(model, 'model.safetensors')
    await expect(openAdapter(weights)).rejects.toMatchObject({ code: 'not-found', field: 'adapter_config.json' })
  })
})
