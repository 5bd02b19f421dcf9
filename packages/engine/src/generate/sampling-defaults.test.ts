import { describe, expect, it } from 'vitest'
import { CheckpointError, OptionError } from '../errors.ts'
import { resolveSampling, samplingOfGenerationConfig, samplingOfGguf } from './sampling-defaults.ts'

const qwen3 = { architecture: 'qwen3', thinking: true }

describe('resolveSampling', () => {
  it('prefers the call, then the conversation, then the checkpoint, then the card', () => {
    const settings = resolveSampling({
      ...qwen3,
      call: { temperature: 0.1, seed: 7 },
      conversation: { temperature: 0.2, topP: 0.3 },
      checkpoint: { temperature: 0.4, topP: 0.5, topK: 6 },
    })
    expect(settings).toEqual({
      temperature: 0.1,
      topP: 0.3,
      topK: 6,
      minP: 0,
      repetitionPenalty: 1,
      frequencyPenalty: 0,
      presencePenalty: 0,
      seed: 7,
    })
  })

  it('follows the card of Qwen3 in both modes', () => {
    expect(resolveSampling(qwen3)).toMatchObject({ temperature: 0.6, topP: 0.95, topK: 20, minP: 0 })
    const direct = resolveSampling({ ...qwen3, architecture: 'qwen3moe', thinking: false })
    expect(direct).toMatchObject({ temperature: 0.7, topP: 0.8, topK: 20, minP: 0 })
  })

  it('follows the card for direct answers where the file only repeats the thinking numbers', () => {
    const file = { temperature: Math.fround(0.6), topP: Math.fround(0.95), topK: 20, repetitionPenalty: 1.1 }
    const direct = resolveSampling({ ...qwen3, thinking: false, checkpoint: file })
    expect(direct).toMatchObject({ temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.1 })
    const greedy = resolveSampling({ ...qwen3, thinking: false, checkpoint: { temperature: 0 } })
    expect(greedy.temperature).toBe(0)
  })

  it('knows fine-tunes of other families by their names', () => {
    const distill = { architecture: 'qwen2', name: 'DeepSeek R1 Distill Qwen 1.5B', thinking: true }
    expect(resolveSampling(distill)).toMatchObject({ temperature: 0.6, topP: 0.95, topK: 0, minP: 0 })
  })

  it('has general defaults and chooses a fresh seed', () => {
    const one = resolveSampling({ architecture: 'llama', thinking: false })
    expect(one).toMatchObject({ temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 })
    expect(one.seed).not.toBe(resolveSampling({ architecture: 'llama', thinking: false }).seed)
  })

  it('refuses a bad option by name', () => {
    expect(() => resolveSampling({ ...qwen3, call: { topP: 2 } })).toThrow(OptionError)
    expect(() => resolveSampling({ ...qwen3, conversation: { topP: 2 } })).toThrow('topP')
  })
})

describe('the advice of files', () => {
  it('reads generation_config.json', () => {
    const config = { do_sample: true, temperature: 0.6, top_k: 20, top_p: 0.95, eos_token_id: [1, 2] }
    expect(samplingOfGenerationConfig(config, 'f')).toEqual({ temperature: 0.6, topK: 20, topP: 0.95 })
    expect(samplingOfGenerationConfig({ do_sample: false, top_p: 0.5 }, 'f')).toEqual({ temperature: 0, topP: 0.5 })
    expect(samplingOfGenerationConfig({ do_sample: true }, 'f')).toEqual({ temperature: 1 })
    expect(samplingOfGenerationConfig({ temperature: null, top_k: -1 }, 'f')).toEqual({ topK: 0 })
    expect(samplingOfGenerationConfig({}, 'f')).toEqual({})
  })

  it('reads the sampling keys of a GGUF header', () => {
    const header = new Map<string, unknown>([
      ['general.sampling.temp', 0.5],
      ['general.sampling.top_k', 64],
      ['general.sampling.penalty_repeat', 1.05],
      ['general.sampling.mirostat', 0],
    ])
    expect(samplingOfGguf(header, 'f')).toEqual({ temperature: 0.5, topK: 64, repetitionPenalty: 1.05 })
  })

  it('names file and key of a number outside its range', () => {
    const bad = () => samplingOfGenerationConfig({ top_p: 'high' }, 'generation_config.json')
    expect(bad).toThrow(CheckpointError)
    expect(bad).toThrow('top_p must be between 0 and 1, not high')
  })
})
