import { afterEach, beforeEach, vi } from 'vitest'

/** What the commands of a test have printed, each call of the console a line. */
export interface CapturedOutput {
  stdout: string
  stderr: string
}

/** Captures what is printed in each test of a file, instead of showing it. */
export function captureOutput(): CapturedOutput {
  const output = { stdout: '', stderr: '' }
  beforeEach(() => {
    output.stdout = ''
    output.stderr = ''
    vi.spyOn(console, 'log').mockImplementation((text) => {
      output.stdout += `${text}\n`
    })
    vi.spyOn(console, 'error').mockImplementation((text) => {
      output.stderr += `${text}\n`
    })
  })
  afterEach(() => vi.restoreAllMocks())
  return output
}
