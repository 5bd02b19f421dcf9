import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { openFile } from '../bytes/file-source.ts'
import { AbortError } from '../errors.ts'
import { abortAt } from '../testing/abort-at.ts'
import { floatTensor, randomTensor } from '../testing/random-tensors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openGguf } from './gguf.ts'
import { fieldsOf, float32, type GgufField, uint32 } from './gguf-fields.ts'
import { type TensorToWrite, tensorToWrite, writeGguf } from './gguf-writer.ts'
import { readRows } from './read.ts'
import { StringArray } from './string-array.ts'
import type { Tensor } from './tensor.ts'

const FIELDS = new Map<string, GgufField>([
  ['general.architecture', { value: 'test' }],
  ['a.uint8', { type: 'uint8', value: 255 }],
  ['a.int8', { type: 'int8', value: -128 }],
  ['a.uint16', { type: 'uint16', value: 65_535 }],
  ['a.int16', { type: 'int16', value: -32_768 }],
  ['a.uint32', uint32(2 ** 32 - 1)],
  ['a.int32', { type: 'int32', value: -(2 ** 31) }],
  ['a.float32', float32(0.1)],
  ['a.float64', { type: 'float64', value: 0.1 }],
  ['a.uint64', { type: 'uint64', value: 2n ** 64n - 1n }],
  ['a.int64', { type: 'int64', value: -5 }],
  ['a.true', { value: true }],
  ['a.text', { value: 'Grüße\u0000 ▁' }],
  ['l.floats', { value: Float32Array.of(1.5, -0) }],
  ['l.longs', { value: BigInt64Array.of(-1n, 2n ** 60n) }],
  ['l.bytes', { value: Uint8Array.of(1, 2, 3) }],
  ['l.booleans', { value: [true, false] }],
  ['l.texts', { value: StringArray.from(['a', '', 'ü']) }],
  ['l.nested', { value: [Int32Array.of(1), StringArray.from(['x'])] }],
  ['l.empty', { value: new Int16Array() }],
])

const TENSORS: readonly Tensor[] = [
  floatTensor('odd', [3], Float32Array.of(1, 2, 3)),
  randomTensor('q8', 'Q8_0', [3, 64], 1),
  randomTensor('f16', 'F16', [2, 5, 7], 2),
  randomTensor('large', 'BF16', [1100, 2048], 3),
]
const TO_WRITE = TENSORS.map((tensor) => tensorToWrite(tensor.name, tensor))

async function bytesOf(tensor: Tensor): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const { bytes } of readRows(tensor)) parts.push(bytes.slice())
  return Buffer.concat(parts)
}

describe('writeGguf', () => {
  it('writes every kind of value, and tensors, so that they are read again as they were', async () => {
    const path = join(temporaryFolder(), 'a.gguf')
    const size = await writeGguf(path, FIELDS, TO_WRITE)
    expect((await readFile(path)).length).toBe(size)
    const checkpoint = await openGguf(await openFile(path))
    expect(checkpoint.version).toBe(3)
    const fields = fieldsOf(checkpoint.metadata, checkpoint.numberTypes)
    expect([...fields.keys()]).toEqual([...FIELDS.keys()])
    for (const [key, expected] of FIELDS) {
      const field = fields.get(key)
      expect(field?.type, key).toBe(expected.type)
      const value = key === 'a.float32' ? Math.fround(0.1) : expected.value
      expect(comparable(field?.value), key).toEqual(comparable(value))
    }
    for (const tensor of TENSORS) {
      const read = checkpoint.tensors.get(tensor.name)
      if (!read) throw new RangeError(tensor.name)
      expect(read).toMatchObject({ type: tensor.type, shape: tensor.shape })
      expect(read.offset % 32).toBe(0)
      expect((await bytesOf(read)).equals(await bytesOf(tensor))).toBe(true)
    }
    await checkpoint.close()
  })

  it('writes the bytes that the specification names', async () => {
    const path = join(temporaryFolder(), 'a.gguf')
    await writeGguf(path, new Map([['k', uint32(7)]]), [
      tensorToWrite('t', floatTensor('t', [1, 2], Float32Array.of(1, 2))),
    ])
    const text = (letters: string) => [letters.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(letters)]
    const long = (value: number) => [value, 0, 0, 0, 0, 0, 0, 0]
    const header = [
      ...Buffer.from('GGUF'),
      ...[3, 0, 0, 0, ...long(1), ...long(1)],
      ...[...text('k'), 4, 0, 0, 0, 7, 0, 0, 0],
      // Two dimensions, the fastest first; F32; at the beginning of the data.
      ...[...text('t'), 2, 0, 0, 0, ...long(2), ...long(1), 0, 0, 0, 0, ...long(0)],
    ]
    const padding = new Array(32 - (header.length % 32)).fill(0)
    const data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, ...new Array(24).fill(0)]
    expect([...(await readFile(path))]).toEqual([...header, ...padding, ...data])
  })

  it('tells how far it is', async () => {
    const path = join(temporaryFolder(), 'a.gguf')
    const seen: number[] = []
    const total = await writeGguf(path, FIELDS, TO_WRITE, {
      onProgress: (written, all) => seen.push(written, all),
    })
    expect(seen.filter((_, i) => i % 2 === 1).every((all) => all === total)).toBe(true)
    expect(seen.at(-2)).toBe(total)
  })

  it('leaves what was there, and nothing else, when it is aborted at any point', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'a.gguf')
    await writeFile(path, 'before')
    let look = 1
    for (; ; look++) {
      const outcome = await writeGguf(path, FIELDS, TO_WRITE, abortAt(look)).catch((error: unknown) => error)
      if (typeof outcome === 'number') break
      expect(outcome).toBeInstanceOf(AbortError)
      expect(await readdir(folder)).toEqual(['a.gguf'])
      expect(await readFile(path, 'utf8')).toBe('before')
    }
    expect(look).toBeGreaterThan(8)
    expect((await readFile(path)).length).toBeGreaterThan(10_000)
  })

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EIO', 'write-failed'],
  ])('leaves nothing behind when the system says %s', async (code, expected) => {
    const folder = temporaryFolder()
    const handle = await open(join(folder, 'any'), 'w')
    const write = vi.spyOn(Object.getPrototypeOf(handle), 'write')
    await handle.close()
    try {
      const failure = Object.assign(new Error('no'), { code })
      for (let fails = 0; fails < 4; fails++) {
        write.mockReset()
        for (let i = 0; i < fails; i++) write.mockResolvedValueOnce({ bytesWritten: 1 })
        write.mockRejectedValue(failure)
        const written = writeGguf(join(folder, 'a.gguf'), FIELDS, TO_WRITE)
        await expect(written).rejects.toMatchObject({ code: expected, file: join(folder, 'a.gguf') })
        expect(await readdir(folder)).toEqual(['any'])
      }
    } finally {
      write.mockRestore()
    }
  })

  it('leaves nothing behind when a tensor cannot be read, or is not as long as it says', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'a.gguf')
    const failing: TensorToWrite = {
      ...TO_WRITE[0],
      async *pieces() {
        yield new Uint8Array(4)
        throw new Error('damaged')
      },
    }
    await expect(writeGguf(path, FIELDS, [TO_WRITE[1], failing])).rejects.toThrow('damaged')
    const short: TensorToWrite = { ...TO_WRITE[0], pieces: () => [new Uint8Array(4)] }
    await expect(writeGguf(path, FIELDS, [short])).rejects.toThrow(RangeError)
    expect(await readdir(folder)).toEqual([])
  })

  it('says which folder is not there', async () => {
    const path = join(temporaryFolder(), 'none', 'a.gguf')
    await expect(writeGguf(path, FIELDS, [])).rejects.toMatchObject({ code: 'write-failed', file: path })
    const folder = temporaryFolder()
    await expect(writeGguf(folder, FIELDS, [])).rejects.toMatchObject({ code: 'write-failed' })
  })
})

function comparable(value: unknown): unknown {
  if (value instanceof StringArray) return ['strings', ...value]
  if (Array.isArray(value)) return value.map(comparable)
  if (ArrayBuffer.isView(value)) return [value.constructor.name, Buffer.from(value.buffer).toString('hex')]
  return typeof value === 'bigint' && BigInt.asIntN(54, value) === value ? Number(value) : value
}
