import type { Folder } from '../bytes/folder.ts'
import { CheckpointError, type ErrorCode } from '../errors.ts'
import type { GgufCheckpoint } from './checkpoint.ts'
import { openGguf } from './gguf.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** Each part is an open file. */
const MOST_PARTS = 1024

/** As `llama-gguf-split` names parts: model-00001-of-00003.gguf. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/

/** The name of the first part, for the name of any; undefined for a file that is not named like one. */
export function firstPartOf(file: string): string | undefined {
  const [, name, , count] = PART.exec(file) ?? []
  return name === undefined || count === undefined ? undefined : partName(name, 1, count)
}

function partName(name: string, part: number, count: string): string {
  return `${name}-${String(part).padStart(5, '0')}-of-${count}.gguf`
}

/** Whether the file says that it is one of several parts. */
export function isPart({ metadata }: GgufCheckpoint): boolean {
  return Number(metadata.get('split.count') ?? 0) > 1
}

/**
 * Joins a split GGUF file, of which any part may be named: the metadata of the first part, the tensors of all.
 * Source: llama.cpp's gguf-split, which writes `split.no`, `split.count` and `split.tensors.count` to every part.
 * @throws CheckpointError `not-found` for a part that is missing, `invalid-checkpoint` for parts that do not belong
 *   together, and as `openGguf` does
 */
export async function openGgufParts(folder: Folder, file: string, signal?: AbortSignal): Promise<GgufCheckpoint> {
  const [, name, , count = ''] = PART.exec(file) ?? []
  if (name === undefined) {
    const remedy = 'Give the parts the names they were published under, such as model-00001-of-00003.gguf.'
    throw fail(folder, file, 'split.count', 'it is a part of a split file, but its name does not say which', remedy)
  }
  const files = namesOfParts(folder, file, name, count)
  const parts: GgufCheckpoint[] = []
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.close()))
  }
  try {
    for (const part of files) parts.push(await openGguf(await folder.open(part), signal))
    parts.forEach((part, i) => {
      checkPlace(folder, files[i], part, i, files.length)
    })
    return { ...parts[0], tensors: joinTensors(folder, parts), close }
  } catch (error) {
    await close()
    throw error
  }
}

function namesOfParts(folder: Folder, file: string, name: string, count: string): string[] {
  const parts = Number(count)
  if (parts < 1 || parts > MOST_PARTS) {
    throw fail(folder, file, 'split.count', `its name says ${parts} parts; 1 to ${MOST_PARTS} are allowed`)
  }
  const files = Array.from({ length: parts }, (_, i) => partName(name, i + 1, count))
  const present = new Set(folder.files)
  const lost = files.filter((part) => !present.has(part))
  if (lost.length === 0) return files
  const others = lost.length > 1 ? ` and ${lost.length - 1} more` : ''
  const problem = `${lost[0]}${others} of the ${parts} parts of the model ${lost.length > 1 ? 'are' : 'is'} missing`
  throw fail(folder, lost[0], 'split.count', problem, 'Download every part into the same folder.', 'not-found')
}

function checkPlace(folder: Folder, file: string, { metadata }: GgufCheckpoint, place: number, count: number): void {
  const [number, total] = [metadata.get('split.no'), metadata.get('split.count')]
  if (total !== count)
    throw fail(folder, file, 'split.count', `it is one of ${total} parts, but is named one of ${count}`)
  if (number !== place) throw fail(folder, file, 'split.no', `it is part ${number}, counted from 0, and not ${place}`)
}

function joinTensors(folder: Folder, parts: readonly GgufCheckpoint[]): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const part of parts) {
    for (const [name, tensor] of part.tensors) {
      const other = tensors.get(name)
      if (other) {
        throw fail(folder, tensor.source.name, name, `the tensor ${quoted(name)} is in ${other.source.name}, too`)
      }
      tensors.set(name, tensor)
    }
  }
  const expected = parts[0].metadata.get('split.tensors.count') ?? tensors.size
  if (expected === tensors.size) return tensors
  const problem = `its parts have ${tensors.size} tensors, and not the ${expected} of the whole model`
  throw fail(folder, parts[0].name, 'split.tensors.count', problem)
}

function fail(
  folder: Folder,
  file: string,
  field: string,
  problem: string,
  remedy = 'The parts are of different models or damaged; download them again.',
  code: ErrorCode = 'invalid-checkpoint',
): CheckpointError {
  return new CheckpointError(code, `${folder.name}: ${problem}.`, { file, field, remedy })
}
