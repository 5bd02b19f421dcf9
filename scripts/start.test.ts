import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const NANO = new URL('../packages/nano/nano-q8_0.gguf', import.meta.url)
const START = fileURLToPath(new URL('./start.js', import.meta.url))

const hasNano = existsSync(NANO)
if (!hasNano) console.warn('The test of npm start is skipped: the bundled model is not here.')

it.skipIf(!hasNano)('npm start answers without a terminal, thinking shown, and ends', async () => {
  // A pipe that never closes: it must not wait for it.
  const child = spawn(process.execPath, [START], { stdio: 'pipe' })
  const exit = new Promise((resolve) => child.once('exit', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  expect(await exit).toBe(0)
  expect(stdout).toMatch(/^> What is .+\n\[thought\]\n[\s\S]+\n\n\[answer\]\n.+\n$/m)
  expect(stderr).toMatch(/tokens\/s/)
})
