import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PAGE_LENGTH } from '../backends/backend.ts'
import type { KeyValueSequence } from './kv.ts'
import { KeyValueCache } from './kv-cache.ts'

/** A cache whose backend remembers, for every place of every page, the token that was written there. */
function cacheWithMemory(pages: number) {
  const memory = Array.from({ length: pages }, () => new Array<number | undefined>(PAGE_LENGTH).fill(undefined))
  const cache = new KeyValueCache(pages, (from, to, tokens) => {
    for (let i = 0; i < tokens; i++) memory[to][i] = memory[from][i]
  })
  const place = (sequence: KeyValueSequence, position: number) => ({
    page: memory[sequence.pageTable()[Math.floor(position / PAGE_LENGTH)]],
    at: position % PAGE_LENGTH,
  })
  return {
    cache,
    write(sequence: KeyValueSequence, ids: readonly number[]): boolean {
      const from = sequence.length
      if (!cache.acquire(sequence, from, from + ids.length)) return false
      const kept = sequence.length
      if (kept < from) {
        cache.release(sequence)
        return false
      }
      sequence.append(ids)
      ids.forEach((id, i) => {
        const { page, at } = place(sequence, from + i)
        page[at] = id
      })
      cache.release(sequence)
      return true
    },
    read: (sequence: KeyValueSequence) =>
      sequence.tokens.map((_, position) => {
        const { page, at } = place(sequence, position)
        return page[at]
      }),
  }
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

describe('KeyValueCache', () => {
  it('keeps what a fork shares apart from what it adds', () => {
    const { cache, write, read } = cacheWithMemory(8)
    const first = cache.create()
    write(first, numbers(PAGE_LENGTH + 5))
    const second = cache.fork(first)
    write(second, [1000])
    write(first, [2000])
    expect(read(first)).toEqual([...numbers(PAGE_LENGTH + 5), 2000])
    expect(read(second)).toEqual([...numbers(PAGE_LENGTH + 5), 1000])
  })

  it('takes pages from the longest unused sequence, and only when it must', () => {
    const { cache, write, read } = cacheWithMemory(3)
    const [oldest, newer, newest] = [cache.create(), cache.create(), cache.create()]
    write(oldest, numbers(10))
    write(newer, numbers(10, 100))
    write(newest, numbers(PAGE_LENGTH, 200))
    expect(oldest.length).toBe(10)
    write(newest, [999])
    expect(oldest.length).toBe(0)
    expect(read(newer)).toEqual(numbers(10, 100))
    expect(read(newest)).toEqual([...numbers(PAGE_LENGTH, 200), 999])
  })

  it('does not take from sequences in use', () => {
    const { cache } = cacheWithMemory(2)
    const [busy, other] = [cache.create(), cache.create()]
    expect(cache.acquire(busy, 0, PAGE_LENGTH + 1)).toBe(true)
    expect(cache.isInUse(busy)).toBe(true)
    expect(cache.acquire(other, 0, 1)).toBe(false)
    cache.release(busy)
    expect(cache.acquire(other, 0, 1)).toBe(true)
  })

  it('has all pages back when everything is removed', () => {
    const { cache, write } = cacheWithMemory(4)
    const first = cache.create()
    write(first, numbers(100))
    const fork = cache.fork(first)
    write(fork, numbers(20))
    cache.remove(first)
    cache.remove(fork)
    const all = cache.create()
    expect(cache.acquire(all, 0, 4 * PAGE_LENGTH)).toBe(true)
    expect(cache.acquire(cache.create(), 0, 1)).toBe(false)
  })

  it('begins with what the idle sequence has that begins most like it, and leaves that as it is', () => {
    const { cache, write, read } = cacheWithMemory(8)
    const [near, nearest, far, busy] = [cache.create(), cache.create(), cache.create(), cache.create()]
    write(near, numbers(70))
    write(nearest, numbers(90))
    write(far, [7])
    cache.acquire(busy, 0, 100)
    busy.append(numbers(100))
    const ids = Int32Array.from([...numbers(80), 1000, 1001])
    const own = cache.create()
    expect(cache.shareBeginning(own, ids)).toBe(80)
    expect(read(own)).toEqual(numbers(80))
    write(own, [1000])
    write(nearest, [2000])
    expect(read(own)).toEqual([...numbers(80), 1000])
    expect(read(nearest)).toEqual([...numbers(90), 2000])
    expect(cache.shareBeginning(far, Int32Array.from([7, 8]))).toBe(1)
    expect(read(far)).toEqual([7])
    // Its own pages are as good as another's.
    expect(cache.shareBeginning(own, ids)).toBe(81)
    expect(read(own)).toEqual([...numbers(80), 1000])
  })

  it('looks at a bounded number of sequences', () => {
    const { cache, write } = cacheWithMemory(200)
    const old = cache.create()
    write(old, numbers(10))
    const others = Array.from({ length: 64 }, () => cache.create())
    for (const other of others) write(other, [500])
    expect(cache.shareBeginning(cache.create(), Int32Array.from(numbers(10)))).toBe(0)
    cache.remove(others[0])
    expect(cache.shareBeginning(cache.create(), Int32Array.from(numbers(10)))).toBe(10)
  })

  it('reads back what was written, whatever is forked, shared, cut, removed or evicted', () => {
    const step = fc.record({
      action: fc.constantFrom('write', 'write', 'fork', 'share', 'cut', 'remove'),
      which: fc.nat(7),
      size: fc.nat(2 * PAGE_LENGTH),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { cache, write, read } = cacheWithMemory(6)
        const expected = new Map<KeyValueSequence, number[]>([[cache.create(), []]])
        let next = 0
        for (const { action, which, size } of steps) {
          const sequences = [...expected.keys()]
          const sequence = sequences[which % Math.max(1, sequences.length)] ?? cache.create()
          const before = sequence.tokens.slice()
          if (action === 'write') {
            const ids = numbers(size, next)
            next += size
            const written = write(sequence, ids)
            expected.set(sequence, written ? [...before, ...ids] : sequence.tokens.slice())
          } else if (action === 'fork') expected.set(cache.fork(sequence), before)
          else if (action === 'share') {
            const sharing = cache.create()
            const ids = Int32Array.from([...before.slice(0, size), -1])
            const count = cache.shareBeginning(sharing, ids)
            expect(count).toBe(ids.length - 1)
            expected.set(sharing, before.slice(0, size))
          } else if (action === 'cut') {
            sequence.truncate(Math.min(size, before.length))
            expected.set(sequence, before.slice(0, size))
          } else {
            cache.remove(sequence)
            expected.delete(sequence)
          }
          for (const [other, tokens] of expected) {
            // Evicted sequences are empty; all others are whole.
            if (other.length === 0) expected.set(other, [])
            else expect(read(other)).toEqual(tokens)
          }
        }
      }),
    )
  })
})
