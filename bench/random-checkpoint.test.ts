import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from '@laju/engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeRow } from '../packages/engine/src/weights/decode/decode.ts'
import { ELEMENT_LAYOUTS } from '../packages/engine/src/weights/element-type.ts'
import { tensorBytes } from '../packages/engine/src/weights/gguf-header.ts'
import { writeGguf } from '../packages/engine/src/weights/gguf-writer.ts'
import { StringArray } from '../packages/engine/src/weights/string-array.ts'
import { floatNoise, NOISE_TYPES, type NoiseType, noise, randomWords } from './noise.ts'
import { CHECKPOINT_TYPES, type CheckpointType, qwen3Metadata, qwen3Tensors, routerNoise, SHAPES } from './shapes.ts'
import { syntheticTokenizer } from './synthetic-tokenizer.ts'

describe('random checkpoints', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'laju-bench-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function write(type: CheckpointType, seed: number): Promise<Buffer> {
    const path = join(folder, `${type}-${seed}.gguf`)
    const shape = SHAPES['qwen3-tiny']
    const bytes = await writeGguf(path, qwen3Metadata('tiny', shape, type), qwen3Tensors(shape, type, seed))
    const file = await readFile(path)
    expect(file.length).toBe(bytes)
    return file
  }

  it('are GGUF v3, the same for the same seed and different for another', async () => {
    const first = await write('Q8_0', 1)
    expect(first.toString('latin1', 0, 4)).toBe('GGUF')
    expect(first.readUInt32LE(4)).toBe(3)
    expect(first.equals(await write('Q8_0', 1))).toBe(true)
    expect(first.equals(await write('Q8_0', 2))).toBe(false)
  })

  it('have the mixture of a Q4_K_M file as llama.cpp has it', () => {
    const types = new Map(qwen3Tensors(SHAPES['qwen3-0.6b'], 'Q4_K_M', 1).map(({ name, type }) => [name, type]))
    const inMoreBits = [...types].filter(([, type]) => type === 'Q6_K').map(([name]) => name)
    expect(types.get('blk.0.attn_q.weight')).toBe('Q4_K')
    expect(types.get('blk.0.attn_norm.weight')).toBe('F32')
    expect(inMoreBits).toContain('token_embd.weight')
    expect(inMoreBits).toContain('blk.0.ffn_down.weight')
    // The head, and two matrices in each of 14 layers of 28.
    expect(inMoreBits).toHaveLength(1 + 2 * 14)
  })

  it.each(CHECKPOINT_TYPES.filter((type) => type !== 'Q4_K_M'))(
    '%s files end where their last tensor ends, padded to 32',
    async (type) => {
      const file = await write(type, 1)
      const tensors = qwen3Tensors(SHAPES['qwen3-tiny'], type, 1)
      const data = tensors.reduce((sum, tensor) => sum + Math.ceil(tensorBytes(tensor) / 32) * 32, 0)
      expect(file.length % 32).toBe(0)
      expect(file.length - data).toBeGreaterThan(0)
    },
  )
})

describe('noise', () => {
  it.each(NOISE_TYPES)('%s has mean 0 and the deviation asked for', (type) => {
    const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
    const bytes = new Uint8Array((65_536 / blockLength) * blockBytes)
    noise(type, 0.03, 7)(bytes)
    const weights = type === 'Q4_K' || type === 'Q6_K' ? decoded(type, bytes) : dequantise(type, bytes)
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
    const variance = weights.reduce((sum, weight) => sum + (weight - mean) ** 2, 0) / weights.length
    expect(weights).toHaveLength(65_536)
    expect(Math.abs(mean)).toBeLessThan(0.001)
    expect(Math.sqrt(variance)).toBeCloseTo(0.03, 3)
  })
})

describe('routers', () => {
  const [experts, width, used, tokens] = [128, 256, 8, 3000]

  /** How often each expert is among the `used` with the highest scores, for normally distributed activations. */
  function choices(router: Float32Array): number[] {
    const counts = new Array<number>(experts).fill(0)
    const x = new Float32Array(width)
    const activations = floatNoise(randomWords(5), 0, 1)
    for (let token = 0; token < tokens; token++) {
      activations(new Uint8Array(x.buffer))
      const scores = Array.from(counts, (_, e) =>
        x.reduce((sum, value, i) => sum + value * (router[e * width + i] ?? 0), 0),
      )
      const ranked = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
      for (const expert of ranked.slice(0, used)) counts[expert] = (counts[expert] ?? 0) + 1
    }
    return counts.sort((a, b) => b - a)
  }

  const share = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / (used * tokens)

  function routerOf(fill: (bytes: Uint8Array) => void): Float32Array {
    const router = new Float32Array(experts * width)
    // In pieces, as a file is written.
    for (let row = 0; row < experts; row += 50) {
      fill(new Uint8Array(router.buffer, 4 * row * width, 4 * width * Math.min(50, experts - row)))
    }
    return router
  }

  it('choose some experts much more often than others, and all now and then', () => {
    const skewed = choices(routerOf(routerNoise(experts, width, 3)))
    // A tenth of the experts, which would be chosen a tenth of the time, and the less chosen half.
    expect(share(skewed.slice(0, 13))).toBeGreaterThan(0.2)
    expect(share(skewed.slice(0, 13))).toBeLessThan(0.35)
    expect(share(skewed.slice(64))).toBeLessThan(0.3)
    expect(share(skewed.slice(64))).toBeGreaterThan(0.15)
    expect(Math.min(...skewed)).toBeGreaterThan(0)
    const even = choices(routerOf(noise('F32', 0.03, 3)))
    expect(share(even.slice(0, 13))).toBeLessThan(0.16)
  })

  it('are in files that the engine opens, of as many layers as asked for', async () => {
    const shape = { ...SHAPES['qwen3-moe-tiny'], layers: 1 }
    const folder = await mkdtemp(join(tmpdir(), 'laju-bench-'))
    try {
      const path = join(folder, 'moe.gguf')
      await writeGguf(path, qwen3Metadata('moe', shape, 'Q4_0'), qwen3Tensors(shape, 'Q4_0', 1))
      await using model = await load(path)
      expect(model.info).toMatchObject({ architecture: 'qwen3moe', layers: 1, experts: { count: 32, used: 4 } })
      const { logits } = await model.forward([1, 2, 3])
      expect(logits.every(Number.isFinite)).toBe(true)
      const size = Math.sqrt(logits.reduce((sum, logit) => sum + logit * logit, 0) / logits.length)
      expect(size).toBeGreaterThan(0.05)
      expect(size).toBeLessThan(5)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('synthetic tokenizer', () => {
  it('has as many unique tokens as asked for, each made by one merge of earlier ones', () => {
    const metadata = new Map(syntheticTokenizer(100_000))
    const strings = (key: string): string[] => {
      const value = metadata.get(key)?.value
      return value instanceof StringArray ? [...value] : []
    }
    const tokens = strings('tokenizer.ggml.tokens')
    const merges = strings('tokenizer.ggml.merges')
    expect(tokens).toHaveLength(100_000)
    expect(new Set(tokens).size).toBe(100_000)
    expect(metadata.get('tokenizer.ggml.token_type')?.value).toHaveLength(100_000)
    merges.forEach((merge, i) => {
      if (merge.replace(' ', '') !== tokens[256 + i]) throw new Error(`Merge ${i} does not make token ${256 + i}.`)
    })
  })
})

/** As the engine has it, which is tested against llama.cpp. */
function decoded(type: 'Q4_K' | 'Q6_K', bytes: Uint8Array): number[] {
  const floats = new Float32Array(65_536)
  decodeRow(type, bytes, 0, floats)
  return [...floats]
}

/** Straight from each type's definition. */
function dequantise(type: NoiseType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer)
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  return Array.from({ length: (bytes.length / blockBytes) * blockLength }, (_, i) => {
    const block = Math.floor(i / blockLength) * blockBytes
    const within = i % blockLength
    switch (type) {
      case 'F32':
        return view.getFloat32(block, true)
      case 'F16':
        return float16(view.getUint16(block, true))
      case 'BF16':
        return bfloat16(view.getUint16(block, true))
      case 'Q8_0':
        return float16(view.getUint16(block, true)) * view.getInt8(block + 2 + within)
      case 'Q4_0': {
        const pair = view.getUint8(block + 2 + (within % 16))
        return float16(view.getUint16(block, true)) * ((within < 16 ? pair & 15 : pair >>> 4) - 8)
      }
    }
    return 0
  })
}

function float16(bits: number): number {
  const exponent = (bits >>> 10) & 31
  const size = exponent === 0 ? (bits & 1023) * 2 ** -24 : (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -size : size
}

function bfloat16(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? Number.NaN
}
