import { expect, test } from 'vitest'
import { EngineError } from '../../errors.ts'
import { createBank, createBanks } from './bank.ts'

test('a bank has the pages it needs, and cannot grow', () => {
  const { memory } = createBank(65_537)
  expect(memory.buffer.byteLength).toBe(131_072)
  expect(() => memory.grow(1)).toThrow(RangeError)
})

test('a shared bank', () => {
  expect(createBank(1, { shared: true }).memory.buffer).toBeInstanceOf(SharedArrayBuffer)
})

test('more than 32-bit addresses reach is refused with the numbers', () => {
  expect(() => createBank(5.5 * 2 ** 30)).toThrow(EngineError)
  expect(() => createBank(5.5 * 2 ** 30)).toThrow('5,906 MB are needed in one memory, which holds at most 4,294 MB.')
})

test('several banks have the same kernels, and memories of their own', () => {
  const [first, second] = createBanks([1, 65_537])
  expect(first.module).toBe(second.module)
  expect([first, second].map(({ memory }) => memory.buffer.byteLength)).toEqual([65_536, 131_072])
})
