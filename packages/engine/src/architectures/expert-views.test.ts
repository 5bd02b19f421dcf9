import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, describe as suite } from 'vitest'
import { wasmBackend } from '../backends/wasm/backend.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError } from '../errors.ts'
import { Harness } from '../testing/harness.ts'
import { MIXTRAL_FIELDS, MIXTRAL_FOLDER, mixtralTensors } from '../testing/mixtral-gguf.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { writeGguf } from '../testing/write-gguf.ts'
import type { Tensor } from '../weights/tensor.ts'
import { expertViews } from './expert-views.ts'

const source = new MemorySource('m.gguf', new Uint8Array(0))

function stacked(name: string, shape: readonly number[], offset = 1000): [string, Tensor] {
  const byteLength = 4 * shape.reduce((product, length) => product * length, 1)
  return [name, { name, type: 'F32', shape, source, offset, byteLength }]
}

const COUNTS = { layers: 2, experts: 3 }

suite('expertViews', () => {
  it('gives every expert its part of the bytes', () => {
    const other = stacked('blk.0.attn_q.weight', [4, 4])
    const views = expertViews(new Map([other, stacked('blk.1.ffn_down_exps.weight', [3, 2, 5])]), COUNTS)
    expect([...views.keys()]).toEqual([other[0], ...[0, 1, 2].map((expert) => `blk.1.ffn_down.${expert}.weight`)])
    expect(views.get(other[0])).toBe(other[1])
    expect(views.get('blk.1.ffn_down.2.weight')).toMatchObject({ shape: [2, 5], offset: 1000 + 2 * 40, byteLength: 40 })
  })

  it('tells gate from up where an expert has them in one', () => {
    const views = expertViews(new Map([stacked('blk.0.ffn_gate_up_exps.weight', [3, 4, 5])]), COUNTS)
    expect(views.get('blk.0.ffn_gate.1.weight')).toMatchObject({ shape: [2, 5], offset: 1000 + 80, byteLength: 40 })
    expect(views.get('blk.0.ffn_up.1.weight')).toMatchObject({ shape: [2, 5], offset: 1000 + 120, byteLength: 40 })
  })

  it.each([[[4, 2, 5]], [[6, 5]], [[1, 3, 2, 5]]])('refuses a tensor %j for 3 experts', (shape) => {
    const views = () => expertViews(new Map([stacked('blk.0.ffn_up_exps.weight', shape)]), COUNTS)
    expect(views).toThrow(CheckpointError)
    expect(views).toThrow(`ffn_up_exps.weight" is [${shape.join(', ')}]`)
  })

  it('refuses gate and up in an odd number of rows', () => {
    expect(() => expertViews(new Map([stacked('blk.0.ffn_gate_up_exps.weight', [3, 3, 5])]), COUNTS)).toThrow(
      '[3, 3, 5]',
    )
  })

  it('leaves alone what is behind the last layer', () => {
    const extra = stacked('blk.2.ffn_up_exps.weight', [9, 2, 5])
    expect(expertViews(new Map([extra]), COUNTS)).toEqual(new Map([extra]))
  })

  it.each(['single', 'stacked', 'fused'] as const)('a GGUF file with %s experts is the same model', async (layout) => {
    const path = join(temporaryFolder(), 'mixtral.gguf')
    writeFileSync(path, writeGguf({ fields: MIXTRAL_FIELDS, tensors: await mixtralTensors(layout) }))
    const ids = [5, 60, 7, 7, 31, 0, 12]
    const logitsOf = async (model: string) => {
      const harness = await Harness.load(model, wasmBackend)
      const logits = await harness.forward(ids, harness.cache.create())
      harness.dispose()
      return logits
    }
    // The halves of a pair are added in another order.
    const [ours, theirs] = [await logitsOf(path), await logitsOf(MIXTRAL_FOLDER)]
    expect(ours.length).toBe(theirs.length)
    ours.forEach((logit, i) => {
      expect(Math.abs(logit - theirs[i])).toBeLessThan(1e-5)
    })
  })
})
