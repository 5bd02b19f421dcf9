import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ADAPTER_OPTION, adaptersOf } from './adapter-option.ts'
import { Arguments } from './arguments.ts'
import { main } from './main.ts'
import { captureOutput } from './testing/captured-output.ts'
import { sharedData } from './testing/shared-data.ts'

const model = sharedData('refmodels/llama3-scaled')
const fixture = (name: string) =>
  fileURLToPath(new URL(`../../engine/src/architectures/fixtures/adapters/${name}`, import.meta.url))

const output = captureOutput()

describe('--adapter', () => {
  it.each([
    ['./lora', './lora', 1],
    ['./lora:0.5', './lora', 0.5],
    ['./lora:-2', './lora', -2],
    ['C:\\lora.gguf', 'C:\\lora.gguf', 1],
    ['C:\\lora.gguf:.25', 'C:\\lora.gguf', 0.25],
    ['hf:owner/name', 'hf:owner/name', 1],
    ['hf:owner/name:lora.gguf', 'hf:owner/name:lora.gguf', 1],
    ['hf:owner/name:1', 'hf:owner/name', 1],
    ['https://host:8080/lora.gguf', 'https://host:8080/lora.gguf', 1],
    ['./step:200:1', './step:200', 1],
  ])('%s is %s at %s', (typed, name, scale) => {
    expect(adaptersOf(new Arguments([], { adapter: [typed] }))).toEqual([{ name, scale }])
  })

  it('is repeatable', () => {
    expect(ADAPTER_OPTION.adapter.multiple).toBe(true)
    expect(adaptersOf(new Arguments([], { adapter: ['a', 'b:2'] }))).toHaveLength(2)
    expect(adaptersOf(new Arguments([], {}))).toEqual([])
  })

  it.skipIf(!model)('changes what a model computes', async () => {
    const logits = async (...options: string[]) => {
      output.stdout = ''
      expect(await main(['logits', model ?? '', '--tokens', '1,2,3', '--json', ...options])).toBe(0)
      return output.stdout
    }
    const plain = await logits()
    const first = await logits('--adapter', fixture('llama-head'))
    const both = await logits('--adapter', fixture('llama-head'), '--adapter', `${fixture('llama-attention.gguf')}:0.5`)
    expect(new Set([plain, first, both]).size).toBe(3)
    expect(await logits('--adapter', `${fixture('llama-head')}:0`)).toBe(plain)
    expect(await main(['logits', model ?? '', '--tokens', '1', '--adapter', fixture('qwen3-patterns.gguf')])).toBe(1)
    expect(output.stderr).toMatch(/^error: .*qwen3-patterns.gguf.*\nwhat to do: .*\n$/)
  })
})

describe('laju inspect of an adapter', () => {
  it('says what it is', async () => {
    expect(await main(['inspect', fixture('llama-head')])).toBe(0)
    expect(output.stdout).toMatch(/^format +LoRA adapter, of PEFT$/m)
    expect(output.stdout).toMatch(/^made for +llama3-scaled$/m)
    expect(output.stdout).toMatch(/^changes +lm_head \(1\), down_proj \(4\)/m)
    output.stdout = ''
    expect(await main(['inspect', fixture('llama-attention.gguf'), '--json'])).toBe(0)
    expect(JSON.parse(output.stdout)).toMatchObject({ format: 'gguf', architecture: 'llama', ranks: [4] })
  })

  it('has no template, and is no model to run', async () => {
    for (const typed of [
      ['inspect', fixture('llama-head'), '--template'],
      ['run', fixture('llama-head'), 'hello'],
    ]) {
      output.stderr = ''
      expect(await main(typed)).toBe(1)
      expect(output.stderr).toMatch(/^error: .* is an adapter.*\nwhat to do: .*--adapter/)
    }
  })
})
