import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ByteSource } from '../bytes/byte-source.ts'
import { openFile } from '../bytes/file-source.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError, type ErrorCode } from '../errors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { GGUF, type GgufField, type GgufParts, type GgufTensor, writeGguf } from '../testing/write-gguf.ts'
import type { GgufCheckpoint } from './checkpoint.ts'
import { openGguf } from './gguf.ts'
import { StringArray } from './string-array.ts'

function opened(parts: GgufParts): Promise<GgufCheckpoint> {
  return openGguf(new MemorySource('test.gguf', writeGguf(parts)))
}

function tensor(name: string, changes: Partial<GgufTensor> = {}): GgufTensor {
  return { name, dimensions: [32, 2], ggmlType: 0, data: new Uint8Array(256), ...changes }
}

async function failure(opening: Promise<unknown>): Promise<CheckpointError> {
  const error = await opening.then(
    () => expect.fail('It opened.'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(CheckpointError)
  return error as CheckpointError
}

describe('openGguf', () => {
  it.each([2, 3])('reads version %d', async (version) => {
    const checkpoint = await opened({ version, tensors: [tensor('a'), tensor('b', { dimensions: [64], ggmlType: 8 })] })
    expect(checkpoint).toMatchObject({ format: 'gguf', name: 'test.gguf', version })
    const [a, b] = [...checkpoint.tensors.values()]
    expect(a).toMatchObject({ name: 'a', type: 'F32', shape: [2, 32], byteLength: 256 })
    expect(b).toMatchObject({ name: 'b', type: 'Q8_0', shape: [64], byteLength: 68, offset: a.offset + 256 })
    expect(a.offset % 32).toBe(0)
  })

  it('reads every type of metadata', async () => {
    const { I8, U16, I32, F32, BOOL, STRING, U64, I64, F64, U8, U32, I16 } = GGUF
    const { metadata } = await opened({
      fields: [
        { key: 'i8', type: I8, value: -3 },
        { key: 'u16', type: U16, value: 65_535 },
        { key: 'i32', type: I32, value: -70_000 },
        { key: 'f32', type: F32, value: 0.5 },
        { key: 'f64', type: F64, value: 0.1 },
        { key: 'bool', type: BOOL, value: true },
        { key: 'text', type: STRING, value: 'naïve 速い' },
        { key: 'empty', type: STRING, value: '' },
        { key: 'u64', type: U64, value: 2 ** 53 - 1 },
        { key: 'large', type: U64, value: 2n ** 63n },
        { key: 'i64', type: I64, value: -5 },
        { key: 'bytes', type: U8, value: [1, 255] },
        { key: 'words', type: U32, value: [1, 2 ** 32 - 1] },
        { key: 'shorts', type: I16, value: [-1] },
        { key: 'longs', type: I64, value: [-1n] },
        { key: 'none', type: F32, value: [] },
        { key: 'bools', type: BOOL, value: [true, false] },
        { key: 'strings', type: STRING, value: ['a', '', 'ccc'] },
      ],
    })
    const { strings, ...others } = Object.fromEntries(metadata)
    expect(others).toEqual({
      i8: -3,
      u16: 65_535,
      i32: -70_000,
      f32: 0.5,
      f64: 0.1,
      bool: true,
      text: 'naïve 速い',
      empty: '',
      u64: 2 ** 53 - 1,
      large: 2n ** 63n,
      i64: -5,
      bytes: Uint8Array.of(1, 255),
      words: Uint32Array.of(1, 2 ** 32 - 1),
      shorts: Int16Array.of(-1),
      longs: BigInt64Array.of(-1n),
      none: new Float32Array(0),
      bools: [true, false],
    })
    expect(strings instanceof StringArray && [...strings]).toEqual(['a', '', 'ccc'])
  })

  it('reads arrays of arrays, up to a depth', async () => {
    const { metadata } = await openGguf(new MemorySource('test.gguf', nestedArrays(3)))
    expect(metadata.get('nest')).toEqual([[[Uint32Array.of()]]])
    const error = await failure(openGguf(new MemorySource('test.gguf', nestedArrays(5000))))
    expect(error.message).toContain('nests arrays deeper')
  })

  it('follows general.alignment', async () => {
    const fields = [{ key: 'general.alignment', type: GGUF.U32, value: 128 }]
    const { tensors } = await opened({ alignment: 128, fields, tensors: [tensor('a'), tensor('b')] })
    expect([...tensors.values()].map(({ offset }) => offset % 128)).toEqual([0, 0])
  })

  it('closes its source, with the checkpoint or when it fails', async () => {
    let closed = 0
    const source = (bytes: Uint8Array): ByteSource =>
      Object.assign(new MemorySource('test.gguf', bytes), {
        close: async () => {
          closed++
        },
      })
    const checkpoint = await openGguf(source(writeGguf({})))
    expect(closed).toBe(0)
    await checkpoint.close()
    expect(closed).toBe(1)
    await failure(openGguf(source(writeGguf({ version: 9 }))))
    expect(closed).toBe(2)
  })

  it('stops when aborted', async () => {
    const opening = openGguf(new MemorySource('test.gguf', writeGguf({})), AbortSignal.abort())
    await expect(opening).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('parses a vocabulary of 151,643 tokens fast', async () => {
    const value = Array.from({ length: 151_643 }, (_, i) => `Ġtoken${i}`)
    const file = writeGguf({
      fields: [
        { key: 'tokenizer.ggml.tokens', type: GGUF.STRING, value },
        { key: 'tokenizer.ggml.merges', type: GGUF.STRING, value },
        { key: 'tokenizer.ggml.token_type', type: GGUF.I32, value: value.map(() => 1) },
      ],
    })
    const start = performance.now()
    const { metadata } = await openGguf(new MemorySource('test.gguf', file))
    const milliseconds = performance.now() - start
    const tokens = metadata.get('tokenizer.ggml.tokens')
    expect(tokens instanceof StringArray && [tokens.length, tokens.at(151_642)]).toEqual([151_643, 'Ġtoken151642'])
    console.info(`A header of ${(file.length / 1e6).toFixed(1)} MB was read in ${milliseconds.toFixed(0)} ms.`)
    // Some 30 ms on a laptop; the bound leaves room for a busy machine.
    expect(milliseconds).toBeLessThan(1000)
  })
})

/** One key whose value is an empty array of numbers inside `depth` arrays of one element. */
function nestedArrays(depth: number): Uint8Array {
  const file = writeGguf({ fields: [{ key: 'nest', type: GGUF.U32, value: [] }] })
  const head = file.subarray(0, file.length - 16)
  const shell = new Uint8Array(12)
  shell.set([GGUF.ARRAY, 0, 0, 0, 1])
  const bytes = new Uint8Array(file.length + 12 * depth)
  bytes.set(head)
  bytes.set([GGUF.ARRAY], head.length)
  let at = head.length + 4
  for (let i = 0; i < depth; i++, at += 12) bytes.set(shell, at)
  bytes.set(file.subarray(file.length - 12), at)
  return bytes
}

const HUGE = 2n ** 60n

describe('openGguf refuses', () => {
  const word = (key: string): GgufField => ({ key, type: GGUF.U32, value: 7 })
  const parts: readonly [what: string, parts: GgufParts, code: ErrorCode, message: string][] = [
    ['version 1', { version: 1 }, 'unsupported-format', 'version 1'],
    ['version 4', { version: 4 }, 'unsupported-format', 'version 4'],
    ['big-endian files', { version: 3 << 24 }, 'unsupported-format', 'big-endian'],
    ['a key twice', { fields: [word('a'), word('a')] }, 'invalid-checkpoint', 'key "a" occurs twice'],
    ['an empty key', { fields: [word('')] }, 'invalid-checkpoint', 'name of 0 bytes'],
    ['a long key', { fields: [word('k'.repeat(65_536))] }, 'invalid-checkpoint', 'name of 65536 bytes'],
    ['an unknown type', { fields: [{ key: 'a', type: 13, value: 1 }] }, 'invalid-checkpoint', 'unknown type 13'],
    ['an unknown array', { fields: [{ key: 'a', type: 99, value: [1] }] }, 'invalid-checkpoint', 'unknown type 99'],
    ['odd booleans', { fields: [{ key: 'a', type: GGUF.BOOL, value: 2 }] }, 'invalid-checkpoint', 'boolean of value 2'],
    ['alignment 0', { fields: [{ ...word('general.alignment'), value: 0 }] }, 'invalid-checkpoint', 'power of two'],
    ['alignment 48', { fields: [{ ...word('general.alignment'), value: 48 }] }, 'invalid-checkpoint', 'power of two'],
    [
      'alignment in words',
      { fields: [{ key: 'general.alignment', type: GGUF.STRING, value: '32' }] },
      'invalid-checkpoint',
      'power of two',
    ],
    ['a tensor twice', { tensors: [tensor('a'), tensor('a')] }, 'invalid-checkpoint', 'tensor "a" occurs twice'],
    ['long tensor names', { tensors: [tensor('n'.repeat(257))] }, 'invalid-checkpoint', 'name of 257 bytes'],
    ['no dimensions', { tensors: [tensor('a', { dimensions: [] })] }, 'invalid-checkpoint', '0 dimensions'],
    ['5 dimensions', { tensors: [tensor('a', { dimensions: [1, 1, 1, 1, 1] })] }, 'invalid-checkpoint', '5 dimensions'],
    ['empty dimensions', { tensors: [tensor('a', { dimensions: [32, 0] })] }, 'invalid-checkpoint', 'length 0'],
    ['huge dimensions', { tensors: [tensor('a', { dimensions: [HUGE] })] }, 'invalid-checkpoint', `length of ${HUGE}`],
    [
      'products that overflow',
      { tensors: [tensor('a', { dimensions: [2 ** 40, 2 ** 40] })] },
      'invalid-checkpoint',
      'too large',
    ],
    [
      'broken blocks',
      { tensors: [tensor('a', { dimensions: [33], ggmlType: 2 })] },
      'invalid-checkpoint',
      'Q4_0 have 32',
    ],
    ['unknown tensor types', { tensors: [tensor('a', { ggmlType: 77 })] }, 'unsupported-type', 'id 77'],
    ['removed tensor types', { tensors: [tensor('a', { ggmlType: 31 })] }, 'unsupported-type', 'Q4_0_4_4'],
    ['tensors beyond the end', { tensors: [tensor('a', { offset: 32 })] }, 'truncated', 'would end'],
    ['tensors far beyond it', { tensors: [tensor('a', { offset: HUGE })] }, 'invalid-checkpoint', `${HUGE}`],
    ['misaligned tensors', { tensors: [tensor('a', { offset: 8 })] }, 'invalid-checkpoint', 'multiple of 32'],
    [
      'overlapping tensors',
      { tensors: [tensor('a'), tensor('b', { offset: 224 })] },
      'invalid-checkpoint',
      '"a" and "b" overlap',
    ],
  ]
  it.each(parts)('%s', async (_, parts, code, message) => {
    const error = await failure(opened(parts))
    expect(error.message).toContain(message)
    expect(error).toMatchObject({ code, file: 'test.gguf', remedy: expect.stringMatching(/\.$/) })
    expect(error.field).toBeDefined()
  })

  it.each([
    ['tensors', 8],
    ['keys', 16],
    ['bytes in a key', 24],
    ['elements', 24 + 8 + 1 + 8],
    ['bytes in a string', 24 + 8 + 1 + 16],
  ])('claims of too many %s', async (_, at) => {
    const file = writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value: ['text'] }], tensors: [tensor('a')] })
    for (const claim of [1n << 20n, 1n << 30n, 1n << 40n, HUGE, (1n << 64n) - 1n]) {
      new DataView(file.buffer).setBigUint64(at, claim, true)
      const { code } = await failure(openGguf(new MemorySource('test.gguf', file)))
      expect(['invalid-checkpoint', 'truncated']).toContain(code)
    }
  })

  it('every truncation', async () => {
    const file = writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value: ['text'] }], tensors: [tensor('a')] })
    for (let length = 0; length < file.length; length++) {
      await failure(openGguf(new MemorySource('test.gguf', file.subarray(0, length))))
    }
  })

  it.each([
    ['tensors', 8, 50_001n],
    ['keys', 16, 16_385n],
  ])('more %s than any model has, before it reads them', async (what, at, count) => {
    const file = writeGguf({})
    new DataView(file.buffer).setBigUint64(at, count, true)
    const { source } = paddedSource(file, 2 ** 40)
    const { message } = await failure(openGguf(source))
    expect(message).toContain(`${count} `)
    expect(message).toContain(what)
  })

  it('headers of a terabyte, in bounded memory', async () => {
    const file = writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value: ['text'] }] })
    new DataView(file.buffer).setBigUint64(24 + 8 + 1 + 8, 2n ** 36n, true)
    const { source, longestRead } = paddedSource(file, 2 ** 40)
    const error = await failure(openGguf(source))
    expect(error.message).toContain('header is longer')
    expect(longestRead()).toBeLessThanOrEqual(2 ** 20)
  })
})

/** A file that goes on with zeros, up to `size`. */
function paddedSource(file: Uint8Array, size: number): { source: ByteSource; longestRead: () => number } {
  let longest = 0
  const source: ByteSource = {
    name: 'huge.gguf',
    size,
    read: async (offset, target) => {
      longest = Math.max(longest, target.length)
      target.set(file.subarray(offset, offset + target.length))
    },
    close: async () => {},
  }
  return { source, longestRead: () => longest }
}

const VOCABULARIES = sharedData('tokenizers/llama.cpp/vocab')
const QUANTISED = sharedData('quantised')

function ggufsIn(folder: string | undefined): string[] {
  if (!folder) return []
  return readdirSync(folder)
    .filter((file) => file.endsWith('.gguf'))
    .map((file) => join(folder, file))
}

describe('openGguf on real files', () => {
  it.skipIf(!VOCABULARIES)('reads the vocabularies of llama.cpp', async () => {
    for (const path of ggufsIn(VOCABULARIES)) {
      const checkpoint = await openGguf(await openFile(path))
      const tokens = checkpoint.metadata.get('tokenizer.ggml.tokens')
      const types = checkpoint.metadata.get('tokenizer.ggml.token_type')
      expect(tokens).toBeInstanceOf(StringArray)
      expect(types).toMatchObject({ length: tokens instanceof StringArray ? tokens.length : -1 })
      expect(checkpoint.tensors.size).toBe(0)
      await checkpoint.close()
    }
  })

  it.skipIf(!QUANTISED)('reads a model in every type', async () => {
    for (const path of ggufsIn(QUANTISED)) {
      const checkpoint = await openGguf(await openFile(path))
      expect(checkpoint.metadata.get('general.architecture')).toBe('qwen3')
      expect(checkpoint.tensors.get('token_embd.weight')?.shape).toEqual([320, 256])
      await checkpoint.close()
    }
  })
})
