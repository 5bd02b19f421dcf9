import { NewFile } from '#bytes/new-file'
import type { GgufField } from './gguf-fields.ts'
import { aligned, ggufHeader, type TensorHeader, tensorBytes } from './gguf-header.ts'
import { readRows } from './read.ts'
import type { Tensor } from './tensor.ts'

/** Large enough to write at the speed of the disk, and small, for there is a buffer for every tensor. */
const PIECE_BYTES = 2 ** 20

export interface TensorToWrite extends TensorHeader {
  /** The tensor's bytes from the first to the last, in pieces that may be overwritten once the next is asked for. */
  readonly pieces: (signal?: AbortSignal) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** A tensor of another checkpoint, as it is stored there, or as a view of it says. */
export function tensorToWrite(name: string, tensor: Tensor): TensorToWrite {
  const { type, shape } = tensor
  async function* pieces(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const { bytes } of readRows(tensor, signal, PIECE_BYTES)) yield bytes
  }
  // A single number is a row of one.
  return { name, type, shape: shape.length === 0 ? [1] : shape, pieces }
}

export interface WriteOptions {
  /** @param written bytes of the file so far, of `total` */
  readonly onProgress?: (written: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * Writes a GGUF file of version 3, its tensors in the order given, with no more in memory than the header and a piece
 * of a tensor. The file has its name only when it is whole.
 * @returns its size in bytes
 * @throws LajuError `disk-full`, `write-failed`; what reading the tensors throws; AbortError
 */
export async function writeGguf(
  path: string,
  fields: ReadonlyMap<string, GgufField>,
  tensors: readonly TensorToWrite[],
  { onProgress, signal }: WriteOptions = {},
): Promise<number> {
  const header = ggufHeader(fields, tensors)
  const total = tensors.reduce((sum, tensor) => sum + aligned(tensorBytes(tensor)), header.length)
  const file = await NewFile.begin(path)
  try {
    await file.append(header, signal)
    for (const tensor of tensors) {
      const end = file.length + tensorBytes(tensor)
      for await (const piece of tensor.pieces(signal)) {
        await file.append(piece, signal)
        onProgress?.(file.length, total)
      }
      if (file.length !== end) throw new RangeError(`${tensor.name} has ${file.length - end} bytes more than it should`)
      await file.append(new Uint8Array(aligned(end) - end), signal)
    }
    await file.publish()
    return total
  } catch (error) {
    await file.discard()
    throw error
  }
}
