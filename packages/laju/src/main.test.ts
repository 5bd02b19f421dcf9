import { describe, expect, it, vi } from 'vitest'
import { main } from './main.ts'
import { captureOutput } from './testing/captured-output.ts'

const output = captureOutput()

const COMMANDS = ['chat', 'run', 'pull', 'list', 'remove', 'inspect', 'tokenize', 'logits', 'bench', 'doctor']

describe('help', () => {
  it.each(COMMANDS)('laju %s --help has usage and examples', async (name) => {
    expect(await main([name, '--help'])).toBe(0)
    expect(output.stdout).toContain(`laju ${name}`)
    expect(output.stdout).toContain('Examples:')
  })

  it('shows the commands', async () => {
    for (const typed of [[], ['--help'], ['-h']]) expect(await main(typed)).toBe(0)
    expect(output.stdout).toContain('tokenize')
  })

  it('shows the version', async () => {
    expect(await main(['--version'])).toBe(0)
    expect(output.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('wrong usage', () => {
  it.each([
    ['sing'],
    ['--sing'],
    ['run'],
    ['run', 'm.gguf', 'p', 'q'],
    ['run', 'm.gguf', 'p', '--hot'],
    ['run', 'm.gguf', 'p', '--temperature', 'hot'],
    ['run', 'm.gguf', 'p', '--temperature'],
    ['run', 'm.gguf', 'p', '--temperature=-1'],
    ['run', 'm.gguf', 'p', '--top-p', '1.1'],
    ['run', 'm.gguf', 'p', '--max-tokens', '0'],
    ['run', 'm.gguf', 'p', '--think-budget', '1.5'],
    ['run', 'm.gguf', 'p', '--backend', 'cuda'],
    ['run', 'm.gguf', 'p', '--logprobs', '3'],
    ['run', 'm.gguf', 'p', '--logprobs', '21', '--json'],
    ['run', 'm.gguf', 'p', '--greedy', '--temperature', '1'],
    ['run', 'm.gguf', 'p', '--think', '--no-think'],
    ['run', 'm.gguf', 'p', '--raw', '--system', 's'],
    ['run', 'm.gguf', 'p', '--raw', '--think-budget', '1'],
    ['chat', 'm.gguf', 'p'],
    ['chat', '--seed', 'x'],
    ['inspect'],
    ['pull'],
    ['list', 'qwen3:0.6b'],
    ['remove'],
    ['inspect', 'm.gguf', '--context', '0'],
    ['inspect', 'm.gguf', '--json', '--template'],
    ['tokenize', 'm.gguf'],
    ['tokenize', 'm.gguf', 'text', '--file', 'f'],
    ['bench'],
    ['doctor', 'm.gguf', 'n.gguf'],
    ['bench', 'm.gguf', '--prompt', '0'],
    ['bench', 'm.gguf', '--depth=-1'],
    ['logits', 'm.gguf'],
    ['logits', 'm.gguf', '--tokens', ''],
    ['logits', 'm.gguf', '--tokens', '1,x'],
    ['logits', 'm.gguf', '--tokens=-1'],
    ['logits', 'm.gguf', '--tokens', '1', '--top', '0'],
    ['logits', 'm.gguf', '--tokens', '1', '--raw-output', 'f', '--json'],
  ])('%j %j %j %j %j %j exits with 2 and a hint', async (...typed) => {
    expect(await main(typed)).toBe(2)
    expect(output.stderr).toMatch(/^error: .+\nwhat to do: .*laju .*--help.*\n$/)
    expect(output.stdout).toBe('')
  })
})

describe('failures', () => {
  it.each([
    ['run', 'm.gguf', ''],
    ['run', './no-such-model.gguf', 'Hi'],
    ['inspect', './no-such-model.gguf'],
    ['bench', './no-such-model.gguf'],
    ['doctor', './no-such-model.gguf'],
    ['tokenize', './no-such-model.gguf', 'Hi'],
    ['tokenize', './no-such-model.gguf', '--file', './no-such-text'],
  ])('%j %j %j %j exits with 1 and a remedy', async (...typed) => {
    expect(await main(typed)).toBe(1)
    expect(output.stderr).toMatch(/^error: .+\nwhat to do: .+\n$/)
    expect(output.stdout).toBe('')
  })

  it('shows a stack only to those who debug', async () => {
    vi.stubEnv('LAJU_DEBUG', '1')
    expect(await main(['inspect', './no-such-model.gguf'])).toBe(1)
    expect(output.stderr).toMatch(/\n {4}at /)
    vi.unstubAllEnvs()
  })
})
