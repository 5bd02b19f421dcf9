import { afterEach, expect, it, vi } from 'vitest'
import { BYTES_A_THREAD, threadCount, threadNotices } from './thread-count.ts'

afterEach(() => vi.unstubAllGlobals())

it('is one for each so many bytes of weights, and no more than there are processors', () => {
  vi.stubGlobal('navigator', { hardwareConcurrency: 4 })
  expect([0, 1, 2.5, 4, 9].map((threads) => threadCount(undefined, threads * BYTES_A_THREAD))).toEqual([1, 1, 2, 4, 4])
  expect(threadCount(6, 0)).toBe(6)
  expect(threadNotices(6, 0)).toEqual([])
})

it('is one in a page that is not isolated, which is told where it makes a difference', () => {
  vi.stubGlobal('navigator', { hardwareConcurrency: 4 })
  vi.stubGlobal('crossOriginIsolated', false)
  expect(threadCount(undefined, 4 * BYTES_A_THREAD)).toBe(1)
  expect(threadCount(2, 0)).toBe(1)
  expect(threadNotices(undefined, 4 * BYTES_A_THREAD)).toEqual([expect.stringContaining('where 4 could share')])
  expect(threadNotices(2, 0)).toEqual([expect.stringContaining('Cross-Origin-Embedder-Policy')])
  expect(threadNotices(undefined, BYTES_A_THREAD)).toEqual([])
  vi.stubGlobal('crossOriginIsolated', true)
  expect(threadCount(2, 0)).toBe(2)
  expect(threadNotices(2, 0)).toEqual([])
})
