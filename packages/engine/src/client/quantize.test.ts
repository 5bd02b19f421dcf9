import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FileType } from '../convert/file-type.ts'
import { AbortError } from '../errors.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import type { QuantizeProgress } from '../worker/types.ts'
import { inspect } from './inspect.ts'
import { quantize } from './quantize.ts'

describe('quantize', () => {
  it('writes a file in another thread, and tells how far it is', async () => {
    const output = join(temporaryFolder(), 'a.gguf')
    const seen: QuantizeProgress[] = []
    const file = await quantize(MIXTRAL_FOLDER, output, { type: 'Q8_0', onProgress: (progress) => seen.push(progress) })
    expect(file).toMatchObject({ path: output, type: 'Q8_0', after: statSync(output).size })
    expect(seen.at(-1)).toEqual({ stage: 'write', loaded: file.after, total: file.after })
    expect(await inspect(output)).toMatchObject({ format: 'gguf', architecture: 'llama', quantized: undefined })
  })

  it('is over, when it is aborted, once nothing is left behind', async () => {
    const folder = temporaryFolder()
    for (let events = 1; events < 40; events += 8) {
      const controller = new AbortController()
      let left = events
      const onProgress = () => (--left === 0 ? controller.abort() : undefined)
      const options = { type: 'Q4_0', onProgress, signal: controller.signal } as const
      const outcome = await quantize(MIXTRAL_FOLDER, join(folder, 'a.gguf'), options).catch((error: unknown) => error)
      // The worker may have been done before it heard.
      if (!(outcome instanceof AbortError)) break
      expect(readdirSync(folder)).toEqual([])
    }
    expect(readdirSync(folder).filter((name) => name !== 'a.gguf')).toEqual([])
  })

  it('throws what went wrong in the thread', async () => {
    const output = join(temporaryFolder(), 'a.txt')
    await expect(quantize(MIXTRAL_FOLDER, output, { type: 'Q8_0' })).rejects.toMatchObject({ field: 'output' })
    await expect(quantize(MIXTRAL_FOLDER, output, { type: 'Q9' as FileType })).rejects.toMatchObject({
      code: 'invalid-option',
      field: 'type',
    })
    await expect(quantize(MIXTRAL_FOLDER, output, { type: 'Q8_0', signal: AbortSignal.abort() })).rejects.toThrow(
      AbortError,
    )
  })
})
