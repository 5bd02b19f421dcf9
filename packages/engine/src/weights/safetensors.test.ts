import { describe, expect, it } from 'vitest'
import { MemoryFolder } from '../bytes/memory-folder.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { CheckpointError, type ErrorCode } from '../errors.ts'
import { type SafetensorsEntry, writeSafetensors } from '../testing/write-safetensors.ts'
import { openSafetensors } from './safetensors.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import type { Tensor } from './tensor.ts'

const A = { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] }
const B = { dtype: 'BF16', shape: [4], data_offsets: [24, 32] }
const FILE = writeSafetensors({ a: A, b: B }, new Uint8Array(32))

function headerOf(file: Uint8Array): Promise<Tensor[]> {
  return readSafetensorsHeader(new MemorySource('test.safetensors', file))
}

async function failure(opening: Promise<unknown>): Promise<CheckpointError> {
  const error = await opening.then(
    () => expect.fail('It opened.'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(CheckpointError)
  return error as CheckpointError
}

describe('readSafetensorsHeader', () => {
  it('lists tensors', async () => {
    const start = FILE.length - 32
    expect(await headerOf(FILE)).toMatchObject([
      { name: 'a', type: 'F32', shape: [2, 3], offset: start, byteLength: 24 },
      { name: 'b', type: 'BF16', shape: [4], offset: start + 24, byteLength: 8 },
    ])
  })

  it('accepts metadata, padding, scalars and tensors without elements', async () => {
    const metadata = '"__metadata__":{"format":"pt"}'
    const empty = '"e":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]}'
    const scalar = '"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}'
    const tail = '"t":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}'
    const tensors = await headerOf(writeSafetensors(`{${metadata},${tail},${empty},${scalar}}   `, new Uint8Array(7)))
    expect(tensors.map(({ name, byteLength }) => [name, byteLength])).toEqual([
      ['t', 3],
      ['e', 0],
      ['s', 4],
    ])
  })

  it('lists types that cannot run', async () => {
    const types = ['F64', 'I64', 'U16', 'I8', 'BOOL', 'F8_E4M3', 'F8_E5M2']
    const sizes = [8, 8, 2, 1, 1, 1, 1]
    let end = 0
    const entries = types.map((dtype, i) => {
      const begin = end
      end += 2 * sizes[i]
      return [dtype, { dtype, shape: [2], data_offsets: [begin, end] }] as const
    })
    const tensors = await headerOf(writeSafetensors(Object.fromEntries(entries), new Uint8Array(end)))
    expect(tensors.map(({ type }) => type)).toEqual(types)
  })

  const broken = (entry: Partial<SafetensorsEntry>): Uint8Array =>
    writeSafetensors({ a: { ...A, ...entry } }, new Uint8Array(24))
  const cases: readonly [what: string, file: Uint8Array, code: ErrorCode, message: string][] = [
    ['a name twice', repeated(), 'invalid-checkpoint', 'occurs twice'],
    ['text that is not JSON', writeSafetensors('{"a":', new Uint8Array(24)), 'invalid-checkpoint', 'not valid JSON'],
    ['deep nesting', writeSafetensors(`{"a":${'['.repeat(9999)}`, new Uint8Array(0)), 'invalid-checkpoint', 'nested'],
    [
      'entries that are no objects',
      writeSafetensors('{"a":5}', new Uint8Array(0)),
      'invalid-checkpoint',
      'lacks a valid',
    ],
    ['no type', broken({ dtype: 5 }), 'invalid-checkpoint', 'lacks a valid'],
    ['negative lengths', broken({ shape: [-2, -3] }), 'invalid-checkpoint', 'lacks a valid'],
    ['fractional lengths', broken({ shape: [1.5, 4] }), 'invalid-checkpoint', 'lacks a valid'],
    ['lengths in words', broken({ shape: ['2', 3] }), 'invalid-checkpoint', 'lacks a valid'],
    ['no range', broken({ data_offsets: [0] }), 'invalid-checkpoint', 'lacks a valid'],
    ['reversed ranges', broken({ data_offsets: [24, 0] }), 'invalid-checkpoint', 'has -24'],
    ['huge products', broken({ shape: [2 ** 52, 2 ** 52] }), 'invalid-checkpoint', 'but has 24'],
    ['another size', broken({ shape: [2, 4] }), 'invalid-checkpoint', 'takes 32 bytes, but has 24'],
    ['unknown types', broken({ dtype: 'F3' }), 'unsupported-type', 'unknown type "F3"'],
    ['types of other formats', broken({ dtype: 'Q8_0' }), 'unsupported-type', 'unknown type "Q8_0"'],
    ['overlaps', writeSafetensors({ a: A, b: A }, new Uint8Array(24)), 'invalid-checkpoint', 'overlaps'],
    [
      'holes',
      writeSafetensors({ a: { ...A, data_offsets: [8, 32] } }, new Uint8Array(32)),
      'invalid-checkpoint',
      'hole',
    ],
    ['bytes of no tensor', writeSafetensors({ a: A }, new Uint8Array(25)), 'invalid-checkpoint', '1 bytes after'],
    ['missing bytes', writeSafetensors({ a: A }, new Uint8Array(23)), 'truncated', 'the file ends'],
    ['headers beyond the end', FILE.subarray(0, 40), 'truncated', 'header claims'],
    ['headers above 100 MB', claiming(100_000_001n), 'invalid-checkpoint', 'at most 100000000'],
    ['headers of 2^60 bytes', claiming(2n ** 60n), 'unsupported-format', 'neither'],
    ['GGUF files', new TextEncoder().encode('GGUF and so on'), 'unsupported-format', 'GGUF'],
  ]
  it.each(cases)('refuses %s', async (_, file, code, message) => {
    const error = await failure(headerOf(file))
    expect(error.message).toContain(message)
    expect(error).toMatchObject({ code, file: 'test.safetensors', remedy: expect.stringMatching(/\.$/) })
  })

  it('refuses more values than fit into memory, before it parses them', async () => {
    const file = writeSafetensors(`{"a":[${'0,'.repeat(4_000_000)}0]}`, new Uint8Array(0))
    expect((await failure(headerOf(file))).message).toContain('more than 300000 values')
  })

  it('refuses every truncation', async () => {
    for (let length = 0; length < FILE.length; length++) await failure(headerOf(FILE.subarray(0, length)))
  })
})

function repeated(): Uint8Array {
  const entry = JSON.stringify(A)
  return writeSafetensors(`{"a":${entry},"a":${entry}}`, new Uint8Array(24))
}

function claiming(length: bigint): Uint8Array {
  const file = FILE.slice()
  new DataView(file.buffer).setBigUint64(0, length, true)
  return file
}

type Files = { readonly [file: string]: string | Uint8Array | object }

function folderOf(files: Files): MemoryFolder {
  const encoder = new TextEncoder()
  const contents = Object.entries(files).map(([file, content]): [string, Uint8Array] => {
    if (content instanceof Uint8Array) return [file, content]
    return [file, encoder.encode(typeof content === 'string' ? content : JSON.stringify(content))]
  })
  return new MemoryFolder('folder', new Map(contents))
}

describe('openSafetensors', () => {
  const b = writeSafetensors({ b: { ...B, data_offsets: [0, 8] } }, new Uint8Array(8))
  const a = writeSafetensors({ a: A }, new Uint8Array(24))
  const index = { weight_map: { a: 'a.safetensors', b: 'b.safetensors' } }
  const sharded: Files = {
    'config.json': {},
    'model.safetensors.index.json': index,
    'a.safetensors': a,
    'b.safetensors': b,
  }

  it('reads the files beside the weights', async () => {
    const checkpoint = await openSafetensors(
      folderOf({
        'config.json': { model_type: 'qwen3' },
        'generation_config.json': { top_k: 20 },
        'tokenizer.json': 'left alone',
        'tokenizer_config.json': { add_bos_token: false },
        'chat_template.jinja': '{{ messages }}',
        'model.safetensors': FILE,
      }),
    )
    expect(checkpoint).toMatchObject({
      format: 'safetensors',
      name: 'folder',
      config: { model_type: 'qwen3' },
      generationConfig: { top_k: 20 },
      tokenizer: new TextEncoder().encode('left alone'),
      tokenizerConfig: { add_bos_token: false },
      chatTemplate: '{{ messages }}',
    })
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b'])
  })

  it('needs nothing but the configuration and the weights', async () => {
    const checkpoint = await openSafetensors(folderOf({ 'config.json': {}, 'model.safetensors': FILE }))
    expect(checkpoint).toMatchObject({ generationConfig: undefined, tokenizer: undefined, chatTemplate: undefined })
  })

  it('joins shards', async () => {
    const { tensors } = await openSafetensors(folderOf(sharded))
    expect([...tensors.values()].map(({ name, source }) => [name, source.name])).toEqual([
      ['a', 'folder/a.safetensors'],
      ['b', 'folder/b.safetensors'],
    ])
  })

  it('reads the file that it is told to', async () => {
    const { tensors } = await openSafetensors(folderOf({ 'config.json': {}, 'my.safetensors': FILE }), 'my.safetensors')
    expect(tensors.size).toBe(2)
  })

  const map = (shard: unknown): Files => ({ ...sharded, 'model.safetensors.index.json': { weight_map: { a: shard } } })
  const cases: readonly [what: string, files: Files, code: ErrorCode, message: string][] = [
    ['no configuration', { 'model.safetensors': FILE }, 'not-found', 'no config.json'],
    ['no weights', { 'config.json': {} }, 'not-found', 'no model.safetensors'],
    ['a broken configuration', { 'config.json': '{', 'model.safetensors': FILE }, 'invalid-checkpoint', 'config.json'],
    [
      'a list as configuration',
      { 'config.json': '[]', 'model.safetensors': FILE },
      'invalid-checkpoint',
      'JSON object',
    ],
    ['a missing shard', { ...sharded, ...map('c.safetensors') }, 'not-found', 'no c.safetensors'],
    ['an index without a map', { ...sharded, 'model.safetensors.index.json': {} }, 'invalid-checkpoint', 'weight_map'],
    ['shards that are no names', map(5), 'invalid-checkpoint', 'other than a name'],
    [
      'a shard outside the folder',
      map('../a.safetensors'),
      'invalid-checkpoint',
      'not a .safetensors file of this folder',
    ],
    ['an absolute shard', map('/tmp/a.safetensors'), 'invalid-checkpoint', 'not a .safetensors file of this folder'],
    [
      'a shard of another drive',
      map('C:\\a.safetensors'),
      'invalid-checkpoint',
      'not a .safetensors file of this folder',
    ],
    ['a tensor in the wrong shard', map('b.safetensors'), 'invalid-checkpoint', 'lacks the tensor "a"'],
    ['a tensor in two shards', { ...sharded, 'b.safetensors': a }, 'invalid-checkpoint', 'in folder/a.safetensors too'],
    [
      'a Git LFS pointer as shard',
      { ...sharded, 'b.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a' },
      'unsupported-format',
      'Git LFS pointer',
    ],
  ]
  it.each(cases)('refuses %s', async (_, files, code, message) => {
    const error = await failure(openSafetensors(folderOf(files)))
    expect(error.message).toContain(message)
    expect(error).toMatchObject({ code, remedy: expect.stringMatching(/\.$/) })
  })
})
