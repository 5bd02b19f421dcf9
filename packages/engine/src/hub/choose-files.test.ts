import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { chooseFiles, listModels } from './choose-files.ts'

const named = (paths: readonly string[]) => paths.map((path) => ({ path }))
const chosen = (paths: readonly string[], choice?: string) => {
  const { open, files } = chooseFiles(named(paths), choice, 'o/m')
  return { open, files: files.map(({ path }) => path) }
}
const SPLIT = ['big-q4_k_m-00001-of-00002.gguf', 'big-q4_k_m-00002-of-00002.gguf']
const GGUFS = ['README.md', 'm-Q4_K_M.gguf', 'm-Q4_K_S.gguf', 'm-UD-Q4_K_M.gguf', 'mmproj-m-f16.gguf', 'BF16/m.gguf']
const FOLDER = [
  'config.json',
  'tokenizer.json',
  'model.safetensors',
  'pytorch_model.bin',
  'onnx/model.onnx',
  'README.md',
]

describe('chooseFiles', () => {
  it.each([
    ['Q4_K_S', 'm-Q4_K_S.gguf'],
    ['q4_k_m', 'm-Q4_K_M.gguf'],
    ['UD-Q4_K_M', 'm-UD-Q4_K_M.gguf'],
    ['bf16', 'BF16/m.gguf'],
    ['mmproj-m-f16.gguf', 'mmproj-m-f16.gguf'],
    [undefined, 'm-Q4_K_M.gguf'],
  ])('finds %s', (choice, open) => {
    expect(chosen(GGUFS, choice)).toEqual({ open, files: [open] })
  })

  it('takes all parts of a split file', () => {
    for (const choice of ['Q4_K_M', SPLIT[1], undefined]) {
      expect(chosen(SPLIT, choice)).toEqual({ open: SPLIT[0], files: SPLIT })
    }
    expect(() => chosen(SPLIT.slice(1), 'Q4_K_M')).toThrow(CheckpointError)
    expect(() => chosen(SPLIT.slice(0, 1), 'Q4_K_M')).toThrow(CheckpointError)
  })

  it('takes a folder of safetensors files with what it needs and no more', () => {
    const files = ['config.json', 'tokenizer.json', 'model.safetensors']
    expect(chosen(FOLDER)).toEqual({ open: '', files })
    expect(chosen([...FOLDER, 'consolidated.safetensors']).files).toEqual(files)
    expect(chosen(['config.json', 'consolidated.safetensors']).files).toEqual([
      'config.json',
      'consolidated.safetensors',
    ])
    expect(chosen([...FOLDER, ...GGUFS], 'Q4_K_S').open).toBe('m-Q4_K_S.gguf')
  })

  it('takes an adapter where there is no model', () => {
    const files = ['adapter_config.json', 'adapter_model.safetensors']
    expect(chosen(['README.md', ...files, 'training_args.bin'])).toEqual({ open: '', files })
    expect(chosen([...FOLDER, ...files]).files).toContain('model.safetensors')
    expect(() => chosen(files.slice(0, 1))).toThrow(CheckpointError)
  })

  it.each([
    ['Q4_K', 'm-Q4_K_M.gguf'],
    ['Q6_K', 'm-Q4_K_S.gguf'],
    ['.*', 'm-Q4_K_M.gguf'],
    ['none.gguf', 'm-Q4_K_M.gguf'],
  ])('says what there is in place of %s', (choice, there) => {
    expect(() => chosen(GGUFS, choice)).toThrow(
      expect.objectContaining({ code: 'not-found', remedy: expect.stringContaining(there) }),
    )
  })

  it('guesses nothing', () => {
    expect(() => chosen(['a.gguf', 'b.gguf'])).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/a.gguf.*b.gguf/) }),
    )
    expect(() => chosen(['a-Q8_0.gguf', 'b-Q8_0.gguf'], 'Q8_0')).toThrow('2 models')
    expect(() => chosen(['README.md'])).toThrow(expect.objectContaining({ remedy: 'It has README.md.' }))
    expect(() => chosen([])).toThrow(expect.objectContaining({ remedy: 'It is empty.' }))
  })
})

it('listModels lists what is whole', () => {
  expect(listModels(named([...FOLDER, ...SPLIT, 'x-00001-of-00003.gguf', 'y.gguf'])).map(({ open }) => open)).toEqual([
    '',
    SPLIT[0],
    'y.gguf',
  ])
})
