import { describe, expect, test } from 'vitest'
import { CACHE_TYPES } from '../../backend.ts'
import { createBank } from '../bank.ts'
import { TestBench } from '../test-bench.ts'
import { clearBehind, pageBytes } from './key-value-pages.ts'

describe.each(CACHE_TYPES)('a page of %s', (type) => {
  test.each([4, 20, 64])('two heads of %i: what is cleared is what was appended behind', (headDimension) => {
    const state = { kind: 'kv', id: 0, keyValueHeads: 2, headDimension } as const
    for (const kept of [0, 1, 15, 16, 17, 63, 64]) {
      const page = pageOf(64)
      clearBehind(page, kept, state, type)
      expect(page).toEqual(pageOf(kept))
    }

    /** A page in which so many tokens stand. */
    function pageOf(tokens: number): Uint8Array {
      const bench = new TestBench(createBank(2 ** 18))
      const bytes = pageBytes(state, type)
      const pages = bench.reserve(bytes)
      const width = 2 * headDimension
      const rows = bench.floats(Array.from({ length: 64 * width }, (_, i) => i + 1))
      const slots = bench.integers(Array.from({ length: 64 }, (_, token) => token))
      bench.run(`append_${type}`, rows, rows, 4 * width, slots, pages, bytes, 2, headDimension, 0, tokens)
      return bench.views.bytes.slice(pages, pages + bytes)
    }
  })
})
