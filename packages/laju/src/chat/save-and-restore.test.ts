import { existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runLaju } from '../testing/run-laju.ts'

const folder = mkdtempSync(join(tmpdir(), 'laju-'))
const file = join(folder, 'sums.laju')
const otherModel = fileURLToPath(new URL('../../../nano/fixtures/hf', import.meta.url))
const chat = (stdin: string, ...typed: string[]) => runLaju(['chat', '--greedy', '--threads', '1', ...typed], stdin)

beforeAll(async () => {
  const { exitCode, stdout } = await chat('What is 347 + 285?\n', 'nano', '--save', file)
  expect([exitCode, stdout.includes('kept in')]).toEqual([0, true])
})
afterAll(() => rmSync(folder, { recursive: true }))

it('a chat goes on from a file, and remembers what was computed', async () => {
  const { exitCode, stderr } = await chat('And 1 more?\n', 'nano', '--restore', file)
  expect(exitCode).toBe(0)
  expect(stderr).toContain('after one question, the last of them: What is 347 + 285?')
  expect(stderr).toMatch(/\d+ remembered/)
})

it('a chat loads, takes back and saves', async () => {
  const second = join(folder, 'second.laju')
  const lines = [`/load ${file}`, 'And 1 more?', '/undo', '/undo', '/undo', `/save ${second}`, `/load ${file}-not`]
  const { exitCode, stdout, stderr } = await chat(`${lines.join('\n')}\n`, 'nano')
  expect(exitCode).toBe(0)
  expect(stdout).toContain('Taken back: And 1 more?')
  expect(stdout).toContain('Taken back: What is 347 + 285?')
  expect(stdout).toContain('There is no question to take back.')
  expect(existsSync(second)).toBe(true)
  expect(stderr).toContain('error: There is no file or folder')
})

it('another model takes over what was said, and a broken file is refused', async () => {
  const { exitCode, stderr } = await chat('And 1 more?\n', otherModel, '--restore', file)
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/note: .*another model.*taken over/)
  expect((await chat('', 'nano', '--restore', file, '--system', 'x')).exitCode).toBe(2)
  truncateSync(file, 1000)
  const broken = await chat('', 'nano', '--restore', file)
  expect([broken.exitCode, broken.stderr.includes('what to do:')]).toEqual([1, true])
})
