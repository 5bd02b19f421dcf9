import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LajuError } from '../errors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { writeSafetensors } from '../testing/write-safetensors.ts'
import { openCheckpoint } from './open-checkpoint.ts'

const GGUF_FILE = writeGguf({ fields: [{ key: 'general.architecture', type: GGUF.STRING, value: 'llama' }] })
const SAFETENSORS_FILE = writeSafetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4))

type Files = { readonly [file: string]: string | Uint8Array }

function folderOf(files: Files): string {
  const folder = temporaryFolder()
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  return folder
}

async function failure(reference: string): Promise<LajuError> {
  const error = await openCheckpoint(reference).then(
    () => expect.fail('It opened.'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(LajuError)
  expect(error).toMatchObject({ remedy: expect.stringMatching(/\.$/) })
  return error as LajuError
}

async function formatOf(reference: string): Promise<string> {
  const checkpoint = await openCheckpoint(reference)
  await checkpoint.close()
  return checkpoint.format
}

describe('openCheckpoint', () => {
  it('opens files by their content', async () => {
    const folder = folderOf({ 'a.gguf': GGUF_FILE, odd: GGUF_FILE, 'b.st': SAFETENSORS_FILE, 'config.json': '{}' })
    expect(await formatOf(join(folder, 'a.gguf'))).toBe('gguf')
    expect(await formatOf(join(folder, 'odd'))).toBe('gguf')
    expect(await formatOf(join(folder, 'b.st'))).toBe('safetensors')
  })

  it('opens folders', async () => {
    expect(await formatOf(folderOf({ 'config.json': '{}', 'model.safetensors': SAFETENSORS_FILE }))).toBe('safetensors')
    expect(await formatOf(folderOf({ 'only.gguf': GGUF_FILE, 'README.md': 'text' }))).toBe('gguf')
    const both = { 'only.gguf': GGUF_FILE, 'model.safetensors': SAFETENSORS_FILE }
    expect(await formatOf(folderOf({ ...both, 'config.json': '{}' }))).toBe('safetensors')
    expect(await formatOf(folderOf(both))).toBe('gguf')
  })

  describe.skipIf(process.platform === 'win32')('links', () => {
    function cacheOf(target: string): string {
      const cache = temporaryFolder()
      const snapshot = join(cache, 'models--o--r/snapshots/1')
      mkdirSync(snapshot, { recursive: true })
      mkdirSync(join(cache, 'models--o--r/blobs'))
      writeFileSync(join(cache, 'models--o--r/blobs/4d7a'), SAFETENSORS_FILE)
      writeFileSync(join(cache, 'secret'), SAFETENSORS_FILE)
      writeFileSync(join(snapshot, 'config.json'), '{}')
      symlinkSync(target, join(snapshot, 'model.safetensors'))
      return snapshot
    }

    it('into the blobs of the cache are followed', async () => {
      expect(await formatOf(cacheOf('../../blobs/4d7a'))).toBe('safetensors')
    })

    it('within the folder are followed', async () => {
      const folder = folderOf({ 'config.json': '{}', 'a.st': SAFETENSORS_FILE })
      symlinkSync('a.st', join(folder, 'model.safetensors'))
      expect(await formatOf(folder)).toBe('safetensors')
    })

    it('that leave the folder are refused', async () => {
      const error = await failure(cacheOf('../../../secret'))
      expect(error).toMatchObject({ code: 'not-a-file', message: expect.stringContaining('out of its folder') })
      const blobs = folderOf({ '4d7a': SAFETENSORS_FILE })
      expect(await failure(cacheOf(join(blobs, '4d7a')))).toMatchObject({ code: 'not-a-file' })
    })

    it('are followed anywhere when a person names one', async () => {
      const elsewhere = folderOf({ 'a.gguf': GGUF_FILE })
      const folder = folderOf({})
      symlinkSync(join(elsewhere, 'a.gguf'), join(folder, 'b.gguf'))
      expect(await formatOf(join(folder, 'b.gguf'))).toBe('gguf')
    })

    it('that leave the cache are refused for a single file too', async () => {
      const snapshot = cacheOf('../../blobs/4d7a')
      const elsewhere = folderOf({ 'a.gguf': GGUF_FILE })
      symlinkSync(join(elsewhere, 'a.gguf'), join(snapshot, 'b.gguf'))
      expect(await failure(join(snapshot, 'b.gguf'))).toMatchObject({ code: 'not-a-file' })
    })
  })

  it('says what is beside a missing file', async () => {
    const folder = folderOf({ 'real.gguf': GGUF_FILE, 'notes.txt': '' })
    const error = await failure(join(folder, 'rael.gguf'))
    expect(error.code).toBe('not-found')
    expect(error.remedy).toContain('real.gguf')
    expect(error.remedy).not.toContain('notes.txt')
  })

  it('names the files of a folder with several', async () => {
    const error = await failure(folderOf({ 'a.gguf': GGUF_FILE, 'b.gguf': GGUF_FILE }))
    expect(error).toMatchObject({ code: 'not-found', remedy: 'Name one of them: a.gguf, b.gguf.' })
  })

  it('names weights that the folder has under another name', async () => {
    const error = await failure(folderOf({ 'config.json': '{}', 'my.safetensors': SAFETENSORS_FILE }))
    expect(error).toMatchObject({ code: 'not-found', remedy: expect.stringContaining('my.safetensors') })
  })

  it('refuses folders without a model', async () => {
    const folder = folderOf({ 'README.md': 'text' })
    mkdirSync(join(folder, 'model.gguf'))
    expect(await failure(folder)).toMatchObject({ code: 'not-found', message: expect.stringContaining('no model') })
  })

  it.each([['no-such-model'], ['foo:7b'], [''], ['a\0b']])('refuses the path %j', async (path) => {
    expect(await failure(path)).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('no file or folder'),
    })
  })

  it.each([
    ['an empty file', '', 'truncated', 'is empty'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a', 'unsupported-format', 'LFS'],
    ['a web page', '\n<!DOCTYPE html><html>', 'unsupported-format', 'web page'],
    ['a zip of PyTorch', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), 'unsupported-format', 'PyTorch'],
    ['a pickle', Uint8Array.of(0x80, 2, 0x8a, 10), 'unsupported-format', 'PyTorch'],
    ['JSON', '{"error": "Not Found"}', 'unsupported-format', 'JSON'],
    ['an old format', 'tjgg....', 'unsupported-format', 'before GGUF'],
    ['something else', 'hello', 'unsupported-format', 'neither'],
  ])('says that a file is %s', async (_, content, code, message) => {
    const path = join(folderOf({ 'model.gguf': content }), 'model.gguf')
    expect(await failure(path)).toMatchObject({ code, file: path, message: expect.stringContaining(message) })
  })

  it('joins the parts of a split file, named by one of them or by their folder', async () => {
    const part = (number: number) => {
      const fields = [
        { key: 'split.no', type: GGUF.U16, value: number },
        { key: 'split.count', type: GGUF.U16, value: 2 },
      ]
      return writeGguf({ fields })
    }
    const folder = folderOf({ 'm-00001-of-00002.gguf': part(0), 'm-00002-of-00002.gguf': part(1) })
    expect(await formatOf(join(folder, 'm-00002-of-00002.gguf'))).toBe('gguf')
    expect(await formatOf(folder)).toBe('gguf')
    const half = folderOf({ 'm-00002-of-00002.gguf': part(1) })
    const error = await failure(join(half, 'm-00002-of-00002.gguf'))
    expect(error).toMatchObject({ code: 'not-found', file: expect.stringContaining('m-00001-of-00002.gguf') })
    expect((await failure(half)).code).toBe('not-found')
    const whole = writeGguf({ fields: [{ key: 'split.count', type: GGUF.U16, value: 1 }] })
    expect(await formatOf(folderOf({ 'm.gguf': whole }))).toBe('gguf')
  })

  it('needs the configuration beside a safetensors file', async () => {
    const error = await failure(join(folderOf({ 'model.safetensors': SAFETENSORS_FILE }), 'model.safetensors'))
    expect(error).toMatchObject({ code: 'not-found', message: expect.stringContaining('config.json') })
  })

  const model = sharedData('refmodels/qwen3')
  it.skipIf(!model)('opens a real model in both formats', async () => {
    expect(await formatOf(`${model}`)).toBe('safetensors')
    expect(await formatOf(`${model}/model.safetensors`)).toBe('safetensors')
    const folder = temporaryFolder()
    copyFileSync(`${model}/qwen3.f32.gguf`, join(folder, 'qwen3.gguf'))
    expect(await formatOf(folder)).toBe('gguf')
  })
})
