import { cpSync, linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../backends/reference/backend.ts'
import { openFile } from '../bytes/file-source.ts'
import { AbortError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { writeCheckpointFolder } from '../testing/checkpoint-folder.ts'
import { Harness } from '../testing/harness.ts'
import { MIXTRAL_FIELDS, MIXTRAL_FOLDER, mixtralTensors } from '../testing/mixtral-gguf.ts'
import { inputIds, relativeError } from '../testing/reference-logits.ts'
import { sharedData } from '../testing/shared-data.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { GGUF, writeGguf } from '../testing/write-gguf.ts'
import { tokenizerFromGguf } from '../tokenizer/from-gguf.ts'
import type { GgufCheckpoint } from '../weights/checkpoint.ts'
import { openGguf } from '../weights/gguf.ts'
import { fieldsOf } from '../weights/gguf-fields.ts'
import { readRows } from '../weights/read.ts'
import { StringArray } from '../weights/string-array.ts'
import type { FileType } from './file-type.ts'
import { quantizeFile } from './quantize-file.ts'

const quantised = sharedData('quantised')
const refmodels = sharedData('refmodels')

async function logitsOf(path: string, ids: Int32Array): Promise<Float32Array> {
  const harness = await Harness.load(path, referenceBackend)
  const logits = await harness.forward(ids, harness.cache.create())
  harness.dispose()
  return logits
}

function storedLogits(path: string): Float32Array {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

async function header(path: string): Promise<GgufCheckpoint> {
  const checkpoint = await openGguf(await openFile(path))
  await checkpoint.close()
  return checkpoint
}

/** Everything but the tokenizer, as plain values. */
function plainMetadata({ metadata }: GgufCheckpoint): Record<string, unknown> {
  return Object.fromEntries([...metadata].filter(([key]) => !key.startsWith('tokenizer.ggml')))
}

/*
 * llama.cpp itself has loaded the files that are written here (node-llama-cpp 3.22.1): qwen3 of shared/data/quantised in
 * all 13 types, and llama-plain, llama3-scaled, qwen2, qwen2-yarn, qwen3 and qwen3-moe of shared/data/refmodels in 8;
 * docs/lab.md has how near its logits are to ours. Here its stored logits stand for it.
 */
describe.skipIf(!quantised)('a folder quantised', () => {
  // The head of files of few bits is Q6_K, in which llama.cpp chooses other scales: so there the two differ by more.
  it.each(['F16', 'BF16', 'Q8_0', 'Q5_1', 'Q5_0', 'Q4_1', 'Q4_0'] as const)(
    'to %s gives the logits of llama.cpp with its file of that type',
    async (type) => {
      const output = join(temporaryFolder(), 'a.gguf')
      await quantizeFile(`${quantised}/model.safetensors`, output, type)
      const logits = await logitsOf(output, await inputIds(`${quantised}/reference.safetensors`))
      expect(relativeError(logits, storedLogits(`${quantised}/qwen3.${type}.logits.f32`))).toBeLessThanOrEqual(3e-3)
    },
  )

  it.each(['Q6_K', 'Q5_K_M', 'Q4_K_M'] as const)(
    'to %s is no further from the whole model than the file of llama.cpp',
    async (type) => {
      const output = join(temporaryFolder(), 'a.gguf')
      await quantizeFile(`${quantised}`, output, type)
      const ids = await inputIds(`${quantised}/reference.safetensors`)
      const whole = await logitsOf(`${quantised}/qwen3.f32.gguf`, ids)
      const theirs = relativeError(await logitsOf(`${quantised}/qwen3.${type}.gguf`, ids), whole)
      expect(relativeError(await logitsOf(output, ids), whole)).toBeLessThanOrEqual(1.1 * theirs)
    },
  )

  it('has the metadata that llama.cpp asks for', async () => {
    const folder = temporaryFolder()
    await writeCheckpointFolder(folder, `${quantised}`, `${quantised}/qwen3.f32.gguf`)
    const output = join(folder, 'a.gguf')
    const result = await quantizeFile(folder, output, 'Q4_K_M')
    expect(result).toMatchObject({
      path: output,
      type: 'Q4_K_M',
      after: readFileSync(output).length,
      types: { Q4_K: 12, Q6_K: 3, F32: 9 },
      fallbacks: [],
      wasQuantized: false,
      hasTokenizer: true,
    })
    const written = await header(output)
    expect(plainMetadata(written)).toEqual({
      'general.architecture': 'qwen3',
      'general.type': 'model',
      'general.name': folder.split('/').at(-1),
      'general.file_type': 15,
      'general.quantization_version': 2,
      'qwen3.block_count': 2,
      'qwen3.context_length': 512,
      'qwen3.embedding_length': 256,
      'qwen3.feed_forward_length': 512,
      'qwen3.attention.head_count': 4,
      'qwen3.attention.head_count_kv': 2,
      'qwen3.attention.key_length': 64,
      'qwen3.attention.value_length': 64,
      'qwen3.attention.layer_norm_rms_epsilon': Math.fround(1e-6),
      'qwen3.rope.freq_base': 1e4,
      'qwen3.rope.dimension_count': 64,
      'qwen3.vocab_size': 320,
      'tokenizer.chat_template': '{% for m in messages %}{{ m.content }}{% endfor %}',
    })
    const floats = [...written.numberTypes].filter(([, type]) => type !== 'uint32')
    expect(floats).toEqual([
      ['qwen3.attention.layer_norm_rms_epsilon', 'float32'],
      ['qwen3.rope.freq_base', 'float32'],
    ])
    const original = await header(`${quantised}/qwen3.f32.gguf`)
    for (const key of ['tokens', 'merges']) {
      const list = (checkpoint: GgufCheckpoint) => {
        const value = checkpoint.metadata.get(`tokenizer.ggml.${key}`)
        return value instanceof StringArray ? [...value] : []
      }
      expect(list(written)).toEqual(list(original))
    }
    const tokenizer = tokenizerFromGguf(written.metadata, 'a')
    expect([...tokenizer.encode('hello world 12')]).toEqual([
      ...tokenizerFromGguf(original.metadata, 'b').encode('hello world 12'),
    ])
  })
})

describe.skipIf(!refmodels)('a folder as GGUF', () => {
  it.each(['llama-plain', 'llama3-scaled', 'qwen2', 'qwen2-yarn', 'qwen3', 'qwen3-moe'])(
    "%s has the tensors of llama.cpp's converter, bit for bit",
    async (name) => {
      const output = join(temporaryFolder(), 'a.gguf')
      await quantizeFile(`${refmodels}/${name}`, output, 'F32')
      const [ours, theirs] = await Promise.all([
        openGguf(await openFile(output)),
        openGguf(await openFile(`${refmodels}/${name}/${name}.f32.gguf`)),
      ])
      expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort())
      for (const [key, tensor] of theirs.tensors) {
        const mine = ours.tensors.get(key)
        if (!mine) throw new RangeError(key)
        expect(mine).toMatchObject({ type: tensor.type, shape: tensor.shape })
        const bytes = async (which: typeof tensor) => {
          const parts: Uint8Array[] = []
          for await (const rows of readRows(which)) parts.push(rows.bytes.slice())
          return Buffer.concat(parts)
        }
        expect((await bytes(mine)).equals(await bytes(tensor)), key).toBe(true)
      }
      // What both say of the model they say alike; sizes and the tokenizer are said by one only.
      for (const [key, value] of theirs.metadata) {
        if (!ours.metadata.has(key) || key.startsWith('tokenizer.')) continue
        expect(ours.metadata.get(key), key).toEqual(value)
        expect(ours.numberTypes.get(key), key).toBe(theirs.numberTypes.get(key))
      }
      const lacking = [...theirs.metadata.keys()].filter((key) => !ours.metadata.has(key))
      expect(lacking.filter((key) => !/^tokenizer\.|size_label/.test(key))).toEqual([])
      await Promise.all([ours.close(), theirs.close()])
    },
  )

  it('says in its metadata how YaRN stretches, and how many experts there are', async () => {
    const folder = temporaryFolder()
    const written = async (name: string, type: FileType) => {
      await quantizeFile(`${refmodels}/${name}`, join(folder, `${name}.gguf`), type)
      return plainMetadata(await header(join(folder, `${name}.gguf`)))
    }
    expect(await written('qwen2-yarn', 'Q8_0')).toMatchObject({
      'general.architecture': 'qwen2',
      'general.file_type': 7,
      'qwen2.rope.scaling.type': 'yarn',
      'qwen2.rope.scaling.factor': 4,
      'qwen2.rope.scaling.original_context_length': 64,
    })
    expect(await written('qwen3-moe', 'Q8_0')).toMatchObject({
      'general.architecture': 'qwen3moe',
      'qwen3moe.expert_count': 8,
      'qwen3moe.expert_used_count': 3,
      'qwen3moe.expert_feed_forward_length': 48,
    })
  })
})

describe('a GGUF file quantised', () => {
  it.skipIf(!refmodels)('keeps its metadata, each of its type', async () => {
    const input = `${refmodels}/qwen3/qwen3.f32.gguf`
    const output = join(temporaryFolder(), 'a.gguf')
    const { types } = await quantizeFile(input, output, 'Q8_0')
    expect(types).toEqual({ Q8_0: 29, F32: 17 })
    const [before, after] = [await header(input), await header(output)]
    const expected = fieldsOf(before.metadata, before.numberTypes)
    expected.set('general.file_type', { type: 'uint32', value: 7 })
    expected.set('general.quantization_version', { type: 'uint32', value: 2 })
    expect(fieldsOf(after.metadata, after.numberTypes)).toEqual(expected)
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()])
  })

  it('forgets how it was aligned and split', async () => {
    const folder = temporaryFolder()
    const fields = [
      ...MIXTRAL_FIELDS,
      { key: 'general.alignment', type: GGUF.U32, value: 128 },
      { key: 'split.no', type: GGUF.U16, value: 0 },
      { key: 'split.count', type: GGUF.U16, value: 1 },
    ]
    const tensors = await mixtralTensors('stacked')
    writeFileSync(join(folder, 'in.gguf'), writeGguf({ alignment: 128, fields, tensors }))
    await quantizeFile(join(folder, 'in.gguf'), join(folder, 'out.gguf'), 'F32')
    const { metadata } = await header(join(folder, 'out.gguf'))
    expect([...metadata.keys()].filter((key) => /alignment|split/.test(key))).toEqual([])
    const ids = Int32Array.of(1, 5, 9, 2)
    const [before, after] = [
      await logitsOf(join(folder, 'in.gguf'), ids),
      await logitsOf(join(folder, 'out.gguf'), ids),
    ]
    expect(after).toEqual(before)
  })

  it('tells when it was quantised before', async () => {
    const folder = temporaryFolder()
    const first = await quantizeFile(MIXTRAL_FOLDER, join(folder, 'a.gguf'), 'Q8_0')
    expect(first).toMatchObject({ wasQuantized: false, hasTokenizer: false })
    const second = await quantizeFile(join(folder, 'a.gguf'), join(folder, 'b.gguf'), 'Q4_0')
    expect(second.wasQuantized).toBe(true)
  })
})

describe('quantizeFile', () => {
  it('stacks the experts of Mixtral and orders its rows, so that the logits stay the same', async () => {
    const output = join(temporaryFolder(), 'a.gguf')
    await quantizeFile(MIXTRAL_FOLDER, output, 'F32')
    const { tensors } = await header(output)
    expect(tensors.get('blk.1.ffn_gate_exps.weight')?.shape).toEqual([5, 24, 32])
    expect(tensors.has('blk.1.ffn_gate.0.weight')).toBe(false)
    const ids = Int32Array.of(3, 14, 1, 59, 26, 5)
    expect(relativeError(await logitsOf(output, ids), await logitsOf(MIXTRAL_FOLDER, ids))).toBeLessThan(1e-10)
  })

  // 8-bit floats with factors, dense layers among mixtures, and a model without its head.
  it.each(['qwen3-fp8', 'qwen3-moe-mixed', 'qwen3-embedding'])('keeps the logits of %s in float32', async (name) => {
    const folder = fileURLToPath(new URL(`../architectures/fixtures/${name}`, import.meta.url))
    const output = join(temporaryFolder(), 'a.gguf')
    expect(await quantizeFile(folder, output, 'F32')).toMatchObject({ wasQuantized: false })
    const ids = Int32Array.of(3, 14, 1, 59, 26, 5)
    expect(relativeError(await logitsOf(output, ids), await logitsOf(folder, ids))).toBeLessThan(1e-10)
  })

  it('names the tensors whose rows are no whole blocks', async () => {
    const { fallbacks, types } = await quantizeFile(MIXTRAL_FOLDER, join(temporaryFolder(), 'a.gguf'), 'Q8_0')
    expect(fallbacks.toSorted()).toEqual([0, 1, 2].map((layer) => `blk.${layer}.ffn_down_exps.weight`))
    expect(types.F16).toBe(3)
  })

  it('refuses weights that are no numbers, and leaves nothing behind', async () => {
    const folder = join(temporaryFolder(), 'model')
    cpSync(MIXTRAL_FOLDER, folder, { recursive: true })
    const path = join(folder, 'model.safetensors')
    const bytes = readFileSync(path)
    // Not a number in BF16, where the data begin: in the head, by the order of the alphabet.
    bytes.set([0xff, 0x7f], 8 + Number(bytes.readBigUInt64LE(0)))
    writeFileSync(path, bytes)
    const files = readdirSync(folder)
    await expect(quantizeFile(folder, join(folder, 'a.gguf'), 'Q8_0')).rejects.toMatchObject({
      code: 'invalid-checkpoint',
      file: path,
      field: 'lm_head.weight',
    })
    expect(readdirSync(folder)).toEqual(files)
  })

  it('refuses to write over what it reads, by whatever name', async () => {
    const folder = temporaryFolder()
    const input = join(folder, 'a.gguf')
    await quantizeFile(MIXTRAL_FOLDER, input, 'F16')
    const before = readFileSync(input)
    linkSync(input, join(folder, 'b.gguf'))
    for (const output of [input, join(folder, 'b.gguf')]) {
      await expect(quantizeFile(input, output, 'Q8_0')).rejects.toMatchObject({
        code: 'invalid-option',
        field: 'output',
      })
    }
    await expect(quantizeFile(input, join(folder, 'config.json'), 'Q8_0')).rejects.toMatchObject({ field: 'output' })
    expect(readFileSync(input).equals(before)).toBe(true)
  })

  it('leaves nothing behind, and no file open, when it is aborted at any point', async () => {
    const folder = temporaryFolder()
    const openFiles = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
    const before = openFiles()
    let look = 1
    for (; ; look += 7) {
      const { signal } = abortAt(look)
      const outcome = await quantizeFile(MIXTRAL_FOLDER, join(folder, 'a.gguf'), 'Q8_0', { signal }).catch(
        (error: unknown) => error,
      )
      if (!(outcome instanceof Error)) break
      expect(outcome).toBeInstanceOf(AbortError)
      expect(readdirSync(folder)).toEqual([])
    }
    expect(look).toBeGreaterThan(20)
    expect(openFiles()).toBe(before)
  })
})
