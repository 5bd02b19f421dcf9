import { describe, expect, it } from 'vitest'
import { MemoryFolder } from '../bytes/memory-folder.ts'
import { CheckpointError } from '../errors.ts'
import { GGUF, type GgufField, writeGguf } from '../testing/write-gguf.ts'
import { firstPartOf, openGgufParts } from './gguf-split.ts'
import { readFloat32 } from './read.ts'

const part = (number: number, { count = 3, tensors = 2, names = [`t${number}`] as string[] } = {}) => {
  const fields: GgufField[] = [
    { key: 'split.no', type: GGUF.U16, value: number },
    { key: 'split.count', type: GGUF.U16, value: count },
    { key: 'split.tensors.count', type: GGUF.I32, value: tensors },
    ...(number === 0 ? [{ key: 'general.architecture', type: GGUF.STRING, value: 'llama' }] : []),
  ]
  const stored = names.map((name) => {
    return { name, dimensions: [2], ggmlType: 0, data: new Uint8Array(Float32Array.of(number, 7).buffer) }
  })
  return writeGguf({ fields, tensors: number === 0 ? [] : stored })
}

const name = (number: number, count = 3) => `m-0000${number}-of-0000${count}.gguf`
const WHOLE = { [name(1)]: part(0), [name(2)]: part(1), [name(3)]: part(2) }

const open = (changes: Record<string, Uint8Array | undefined>, file = name(1)) => {
  const present = Object.entries({ ...WHOLE, ...changes }).filter((entry): entry is [string, Uint8Array] => !!entry[1])
  return openGgufParts(new MemoryFolder('folder', new Map(present)), file)
}

async function failure(changes: Record<string, Uint8Array | undefined>, file?: string): Promise<CheckpointError> {
  const error = await open(changes, file).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(CheckpointError)
  return error as CheckpointError
}

describe('a split GGUF file', () => {
  it.each([1, 2, 3])('is whole whichever part is named (%i)', async (number) => {
    const checkpoint = await open({}, name(number))
    expect(checkpoint.metadata.get('general.architecture')).toBe('llama')
    expect([...checkpoint.tensors.keys()]).toEqual(['t1', 't2'])
    for (const tensor of checkpoint.tensors.values()) {
      expect([...(await readFloat32(tensor))]).toEqual([Number(tensor.name.slice(1)), 7])
    }
    await checkpoint.close()
  })

  it('names a part that is missing', async () => {
    const error = await failure({ [name(2)]: undefined })
    expect(error).toMatchObject({ code: 'not-found', file: name(2), remedy: expect.stringContaining('every part') })
    expect(error.message).toContain('m-00002-of-00003.gguf')
    expect((await failure({ [name(2)]: undefined, [name(3)]: undefined })).message).toContain('and 1 more')
  })

  it.each([
    ['a part of another split', { [name(2)]: part(1, { count: 4 }) }, 'split.count'],
    ['a part in the place of another', { [name(2)]: part(2), [name(3)]: part(1) }, 'split.no'],
    ['a part that is a whole file', { [name(3)]: writeGguf({}) }, 'split.count'],
    ['a tensor in two parts', { [name(3)]: part(2, { names: ['t1'] }) }, 't1'],
    ['too few tensors', { [name(1)]: part(0, { tensors: 3 }) }, 'split.tensors.count'],
  ])('refuses %s', async (_, changes, field) => {
    expect(await failure(changes)).toMatchObject({ code: 'invalid-checkpoint', field })
  })

  it('refuses names that cannot be', async () => {
    expect(await failure({}, 'model.gguf')).toMatchObject({ code: 'invalid-checkpoint', field: 'split.count' })
    expect(await failure({}, 'm-00001-of-99999.gguf')).toMatchObject({ field: 'split.count' })
    expect(await failure({}, 'm-00001-of-00000.gguf')).toMatchObject({ field: 'split.count' })
  })

  it('closes what it opened when it fails', async () => {
    const closed: string[] = []
    const folder = new MemoryFolder('folder', new Map(Object.entries({ ...WHOLE, [name(3)]: writeGguf({}) })))
    const watched = {
      name: folder.name,
      files: folder.files,
      open: async (file: string) => {
        const source = await folder.open(file)
        return {
          name: source.name,
          size: source.size,
          read: (...parameters: Parameters<typeof source.read>) => source.read(...parameters),
          close: async () => {
            closed.push(file)
          },
        }
      },
    }
    await expect(openGgufParts(watched, name(1))).rejects.toThrow(CheckpointError)
    expect(closed.sort()).toEqual(Object.keys(WHOLE))
  })

  it('has a first part', () => {
    expect(firstPartOf('a-b-00002-of-00012.gguf')).toBe('a-b-00001-of-00012.gguf')
    expect(firstPartOf('a-2-of-3.gguf')).toBeUndefined()
  })
})
