import { describe, expect, it } from 'vitest'
import { FILE_TYPE_NAMES, FILE_TYPES, type FileType, fileTypeNamed, typeInFile } from './file-type.ts'

const at = (name: string, shape: readonly number[], fileType: FileType, layers = 16): string =>
  typeInFile({ name, shape, layers, head: 'output.weight' }, fileType)

describe('typeInFile', () => {
  it('keeps norms, biases and routers as float32', () => {
    expect(at('blk.0.attn_norm.weight', [256], 'Q4_0')).toBe('F32')
    expect(at('blk.0.attn_q.bias', [256], 'F16')).toBe('F32')
    expect(at('blk.0.ffn_gate_inp.weight', [8, 256], 'Q8_0')).toBe('F32')
  })

  it('gives the head Q6_K where the others have fewer bits', () => {
    expect(at('output.weight', [320, 256], 'Q4_0')).toBe('Q6_K')
    expect(at('token_embd.weight', [320, 256], 'Q4_0')).toBe('Q4_0')
    expect(at('output.weight', [320, 256], 'Q8_0')).toBe('Q8_0')
    expect(at('output.weight', [320, 256], 'BF16')).toBe('BF16')
    const tied = { name: 'token_embd.weight', shape: [320, 256], layers: 2, head: 'token_embd.weight' }
    expect(typeInFile(tied, 'Q5_K_S')).toBe('Q6_K')
  })

  // By llama.cpp's rule for its types in M: of 16 layers the first and last two, and every third of the others.
  it.each(['attn_v', 'ffn_down', 'ffn_down_exps', 'ffn_down.3'])('gives some layers of %s more bits in M', (kind) => {
    const inMore = Array.from({ length: 16 }, (_, layer) => layer).filter(
      (layer) => at(`blk.${layer}.${kind}.weight`, [256, 256], 'Q4_K_M') === 'Q6_K',
    )
    expect(inMore).toEqual([0, 1, 4, 7, 10, 13, 14, 15])
    expect(at('blk.0.attn_v.weight', [256, 256], 'Q4_K_S')).toBe('Q4_K')
    expect(at('blk.0.attn_q.weight', [256, 256], 'Q4_K_M')).toBe('Q4_K')
  })

  it('takes smaller blocks where rows are no whole ones', () => {
    const matrix = (columns: number, type: FileType) => at('blk.3.attn_q.weight', [256, columns], type)
    expect(matrix(288, 'Q4_K_M')).toBe('Q5_0')
    expect(matrix(288, 'Q5_K_S')).toBe('Q5_1')
    expect(matrix(288, 'Q6_K')).toBe('Q8_0')
    expect(matrix(288, 'Q4_0')).toBe('Q4_0')
    expect(matrix(40, 'Q4_0')).toBe('F16')
    expect(matrix(40, 'Q4_K_M')).toBe('F16')
    expect(at('output.weight', [320, 288], 'Q4_0')).toBe('Q8_0')
  })
})

describe('fileTypeNamed', () => {
  it('knows names in any case, and lists them when it does not', () => {
    expect(fileTypeNamed('q4_k_m', 'type')).toBe('Q4_K_M')
    expect(() => fileTypeNamed('Q3_K', 'type')).toThrow(
      expect.objectContaining({ code: 'invalid-option', field: 'type', remedy: expect.stringContaining('Q4_K_S') }),
    )
  })

  // `enum llama_ftype` of llama.h.
  it('numbers files as llama.cpp does', () => {
    const ids = Object.fromEntries(FILE_TYPE_NAMES.map((name) => [name, FILE_TYPES[name].id]))
    expect(ids).toEqual({
      F32: 0,
      F16: 1,
      Q4_0: 2,
      Q4_1: 3,
      Q8_0: 7,
      Q5_0: 8,
      Q5_1: 9,
      Q4_K_S: 14,
      Q4_K_M: 15,
      Q5_K_S: 16,
      Q5_K_M: 17,
      Q6_K: 18,
      BF16: 32,
    })
  })
})
