import { expect, it } from 'vitest'
import { AbortError } from '../errors.ts'
import { MemoryFolder } from './memory-folder.ts'
import { MemorySource } from './memory-source.ts'

it('reads ranges of bytes in memory', async () => {
  const source = new MemorySource('some', Uint8Array.of(1, 2, 3, 4))
  const target = new Uint8Array(2)
  await source.read(1, target)
  expect([...target]).toEqual([2, 3])
  await expect(source.read(3, target)).rejects.toMatchObject({ code: 'truncated', file: 'some' })
  await expect(source.read(0, target, AbortSignal.abort())).rejects.toBeInstanceOf(AbortError)
})

it('holds files in memory', async () => {
  const folder = new MemoryFolder('here', new Map([['b', Uint8Array.of(1)]]))
  expect(folder.files).toEqual(['b'])
  expect(await folder.open('b')).toMatchObject({ name: 'here/b', size: 1 })
  await expect(folder.open('c')).rejects.toMatchObject({ code: 'not-found' })
})
