import { describe, expect, it } from 'vitest'
import { describe as describeModel } from '../architectures/describe.ts'
import { backendByName } from '../backends/by-name.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import { MIXTRAL_FOLDER } from '../testing/mixtral-gguf.ts'
import { sharedData } from '../testing/shared-data.ts'
import { chooseType, type QuantizeChoice, quantizedForLoad } from './quantize-on-load.ts'

const LIMITS = { maxTokens: 4, maxRows: 4, pages: 1, cacheType: 'f16', threads: 1 } as const
const GIB = 2 ** 30

async function held(path: string, choice: QuantizeChoice | undefined, backend: 'wasm' | 'reference' = 'wasm') {
  const checkpoint = await openCheckpoint(path)
  const stored = await describeModel(checkpoint)
  try {
    return {
      stored,
      ...(await quantizedForLoad(checkpoint, stored, { quantize: choice }, backendByName(backend), LIMITS)),
    }
  } finally {
    await checkpoint.close()
  }
}

describe('chooseType', () => {
  it('keeps small models, holds larger ones in 8 bits, and in 4 what fits only so', () => {
    expect(chooseType({ asStored: 0.25 * GIB, inQ8: 0.2 * GIB, room: 4 * GIB })).toBeUndefined()
    expect(chooseType({ asStored: 1.2 * GIB, inQ8: 0.9 * GIB, room: 4 * GIB })).toBe('Q8_0')
    expect(chooseType({ asStored: 8 * GIB, inQ8: 4.5 * GIB, room: 4 * GIB })).toBe('Q4_0')
  })
})

describe('quantizedForLoad', () => {
  it('changes nothing of a small model unless asked to', async () => {
    for (const choice of [undefined, 'auto', 'none'] as const) {
      const { description, stored, quantized } = await held(MIXTRAL_FOLDER, choice)
      expect(description).toBe(stored)
      expect(quantized).toBeUndefined()
    }
  })

  it('quantises matrices, the experts among them, and neither norms nor routers', async () => {
    const { description, stored, quantized } = await held(MIXTRAL_FOLDER, 'Q8_0')
    const typeOf = (name: string) => description.tensors.get(name)?.type
    expect(typeOf('blk.0.attn_q.weight')).toBe('Q8_0')
    expect(typeOf('blk.1.ffn_up.3.weight')).toBe('Q8_0')
    expect(typeOf('token_embd.weight')).toBe('Q8_0')
    // Rows of 24 are no whole blocks.
    expect(typeOf('blk.1.ffn_down.3.weight')).toBe('F16')
    expect(typeOf('blk.0.attn_norm.weight')).toBe('BF16')
    expect(typeOf('blk.0.ffn_gate_inp.weight')).toBe('BF16')
    const storedBytes = [...stored.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(quantized).toEqual({ type: 'Q8_0', from: ['BF16'], storedBytes })
  })

  const gguf = sharedData('quantised/qwen3.Q8_0.gguf')

  it.skipIf(!gguf)('leaves a GGUF file as it is, and says so where more was asked for', async () => {
    expect((await held(gguf ?? '', 'auto')).quantized).toBeUndefined()
    await expect(held(gguf ?? '', 'Q4_0')).rejects.toMatchObject({ code: 'invalid-option', field: 'quantize' })
  })

  it('refuses choices that there are not', async () => {
    for (const choice of ['Q9', 'F32']) {
      await expect(held(MIXTRAL_FOLDER, choice as QuantizeChoice)).rejects.toMatchObject({ field: 'quantize' })
    }
  })
})
