import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { recallThreads, rememberThreads } from './thread-memory.ts'

let cache: string
beforeEach(() => {
  cache = temporaryFolder()
  vi.stubEnv('XDG_CACHE_HOME', cache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

const file = () => join(cache, 'laju', 'threads.json')

describe('the number of threads', () => {
  it('is remembered for each number that there are at most', async () => {
    expect(await recallThreads(8)).toBeUndefined()
    await rememberThreads(8, 4)
    await rememberThreads(2, 1)
    expect(await recallThreads(8)).toEqual({ threads: 4, measured: expect.any(Date) })
    expect(await recallThreads(2)).toMatchObject({ threads: 1 })
    expect(await recallThreads(6)).toBeUndefined()
    expect(readdirSync(join(cache, 'laju'))).toEqual(['threads.json'])
  })

  it('is that of this processor and this version', async () => {
    await rememberThreads(8, 4)
    const text = readFileSync(file(), 'utf8')
    expect(text).toMatch(/, \d+ processors, laju \d+\.\d+\.\d+: of 8 threads"/)
    writeFileSync(file(), text.replace(/laju \d/, 'laju 9'))
    expect(await recallThreads(8)).toBeUndefined()
  })

  it('is forgotten after a while', async () => {
    await rememberThreads(8, 4)
    const now = Date.now()
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(now + 6 * 24 * 3600_000)
    expect(await recallThreads(8)).toMatchObject({ threads: 4 })
    vi.setSystemTime(now + 8 * 24 * 3600_000)
    expect(await recallThreads(8)).toBeUndefined()
  })

  it.each(['', '{', '[]', 'null', '"8"', '{"a": 1}'])(
    'is unknown from a file of %j, which is written anew',
    async (text) => {
      mkdirSync(join(cache, 'laju'))
      writeFileSync(file(), text)
      expect(await recallThreads(8)).toBeUndefined()
      await rememberThreads(8, 4)
      expect(await recallThreads(8)).toMatchObject({ threads: 4 })
    },
  )

  it.each([
    [{ threads: 9, measured: 'NOW' }],
    [{ threads: 0, measured: 'NOW' }],
    [{ threads: 1.5, measured: 'NOW' }],
    [{ threads: '4', measured: 'NOW' }],
    [{ threads: 4, measured: 'yesterday' }],
    [{ threads: 4 }],
    [null],
    [4],
  ])('is unknown from an entry of %j', async (entry) => {
    await rememberThreads(8, 4)
    const [key] = Object.keys(JSON.parse(readFileSync(file(), 'utf8')))
    const text = JSON.stringify({ [key]: entry }).replace('NOW', new Date().toISOString())
    writeFileSync(file(), text)
    expect(await recallThreads(8)).toBeUndefined()
  })

  it('is not remembered where nothing can be written', async () => {
    writeFileSync(join(cache, 'laju'), 'a file where the folder should be')
    await rememberThreads(8, 4)
    expect(await recallThreads(8)).toBeUndefined()
  })
})
