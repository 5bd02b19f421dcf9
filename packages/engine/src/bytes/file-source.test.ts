import { chmodSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AbortError, CheckpointError } from '../errors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openFolder } from './disk-folder.ts'
import { openFile } from './file-source.ts'

const CONTENT = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
const isRoot = process.getuid?.() === 0

function writtenFile(): string {
  const path = join(temporaryFolder(), 'some.bin')
  writeFileSync(path, CONTENT)
  return path
}

describe('openFile', () => {
  it('reads ranges', async () => {
    const path = writtenFile()
    const source = await openFile(path)
    expect(source).toMatchObject({ name: path, size: 1000 })
    const target = new Uint8Array(10)
    await source.read(990, target)
    expect(target).toEqual(CONTENT.slice(990))
    await source.read(1000, new Uint8Array(0))
    await source.close()
  })

  it.each([
    ['past the end', 995, 10],
    ['beyond the end', 5000, 1],
    ['before the start', -1, 1],
    ['at no number', Number.NaN, 1],
    ['between bytes', 0.5, 1],
  ])('refuses a range %s', async (_, offset, length) => {
    const source = await openFile(writtenFile())
    await expect(source.read(offset, new Uint8Array(length))).rejects.toMatchObject({ code: 'truncated' })
    await source.close()
  })

  it('goes on after short reads', async () => {
    const path = writtenFile()
    const handle = await open(path)
    const prototype = Object.getPrototypeOf(handle)
    const read = prototype.read
    const spy = vi.spyOn(prototype, 'read').mockImplementation(function (this: unknown, ...args: unknown[]) {
      const [target, start, length, position] = args
      return read.call(this, target, start, Math.min(Number(length), 7), position)
    })
    onTestFinished(() => spy.mockRestore())
    await handle.close()
    const source = await openFile(path)
    const target = new Uint8Array(1000)
    await source.read(0, target)
    expect(target).toEqual(CONTENT)
    expect(spy).toHaveBeenCalledTimes(Math.ceil(1000 / 7))
    await source.close()
  })

  it('notices a file that gets shorter', async () => {
    const path = writtenFile()
    const source = await openFile(path)
    truncateSync(path, 500)
    const reading = source.read(400, new Uint8Array(200))
    await expect(reading).rejects.toMatchObject({ code: 'truncated', message: expect.stringContaining('got shorter') })
    await source.close()
  })

  it('names what is missing, a folder or a device', async () => {
    const folder = temporaryFolder()
    await expect(openFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(openFile('a\0b')).rejects.toMatchObject({ code: 'not-found' })
    await expect(openFile(folder)).rejects.toMatchObject({ code: 'not-a-file', file: folder })
  })

  it.skipIf(process.platform === 'win32')('refuses a device', async () => {
    await expect(openFile('/dev/null')).rejects.toMatchObject({ code: 'not-a-file' })
  })

  it.skipIf(process.platform === 'win32' || isRoot)('names a file that may not be read', async () => {
    const path = writtenFile()
    chmodSync(path, 0)
    await expect(openFile(path)).rejects.toMatchObject({
      code: 'read-failed',
      message: expect.stringContaining('permission'),
    })
  })

  it('stops when aborted', async () => {
    const source = await openFile(writtenFile())
    await expect(source.read(0, new Uint8Array(1), AbortSignal.abort())).rejects.toBeInstanceOf(AbortError)
    await source.close()
  })

  it('can be closed twice, and then reads no more', async () => {
    const source = await openFile(writtenFile())
    await source.close()
    await source.close()
    await expect(source.read(0, new Uint8Array(1))).rejects.toBeInstanceOf(CheckpointError)
  })
})

describe('openFolder', () => {
  it('lists and opens files', async () => {
    const path = temporaryFolder()
    writeFileSync(join(path, 'b'), 'bee')
    writeFileSync(join(path, 'a'), '')
    const folder = await openFolder(path)
    expect(folder.files).toEqual(['a', 'b'])
    const source = await folder.open('b')
    expect(source.size).toBe(3)
    await source.close()
    await expect(folder.open('c')).rejects.toMatchObject({ code: 'not-found' })
    await expect(openFolder(join(path, 'none'))).rejects.toMatchObject({ code: 'not-found' })
  })
})
