import { CheckpointError } from '../errors.ts'
import { decodeRow } from './decode/decode.ts'
import { DECODABLE_TYPES, isDecodable } from './element-type.ts'
import { areFinite } from './finite.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** Large enough to read at the speed of the disk, small beside any model. */
const STAGING_BYTES = 2 ** 22
/** No model has longer rows. */
const LONGEST_ROW = 2 ** 26

/** Some whole rows of a tensor. */
export interface Rows {
  /** The first row, counted over all dimensions but the last. */
  readonly first: number
  readonly count: number
  /** The rows as stored, one after another. Overwritten when the next rows are asked for. */
  readonly bytes: Uint8Array
}

/**
 * Streams a tensor, front to back, as whole rows in one staging buffer of at most `chunkBytes` (4 MiB), or of one row
 * where that is longer. A tensor of no or one dimension is one row. A weight that is NaN or infinite is refused: kernels
 * of block types have no room for it, and nothing good could come of it.
 * @throws CheckpointError as its source's `read` does, and `invalid-checkpoint`; AbortError
 */
export async function* readRows(
  tensor: Tensor,
  signal?: AbortSignal,
  chunkBytes = STAGING_BYTES,
): AsyncGenerator<Rows> {
  const rows = tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1)
  if (tensor.byteLength === 0) return
  const rowBytes = tensor.byteLength / rows
  if (rowBytes > LONGEST_ROW) {
    throw unreadable(tensor, 'unsupported-format', `has rows of ${rowBytes} bytes; at most ${LONGEST_ROW} are allowed`)
  }
  if (!Number.isInteger(rowBytes)) {
    throw unreadable(tensor, 'unsupported-type', `has rows of a fractional number of bytes (${tensor.type})`)
  }
  const rowsAtOnce = Math.min(rows, Math.max(1, Math.floor(chunkBytes / rowBytes)))
  const staging = new Uint8Array(rowsAtOnce * rowBytes)
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - first)
    const bytes = staging.subarray(0, count * rowBytes)
    await tensor.source.read(tensor.offset + first * rowBytes, bytes, signal)
    if (!areFinite(tensor.type, bytes)) throw notFinite(tensor, first, count)
    yield { first, count, bytes }
  }
}

/**
 * A whole tensor as float32, for the small ones: norms, biases, rope factors.
 * @throws CheckpointError `unsupported-type` for a type that this engine does not run
 */
export async function readFloat32(tensor: Tensor, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
  const { type, shape } = tensor
  if (!isDecodable(type))
    throw unreadable(tensor, 'unsupported-type', `is of type ${type}, which this version cannot read`)
  const columns = shape[shape.length - 1] ?? 1
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1))
  for await (const { first, count, bytes } of readRows(tensor, signal)) {
    decodeRow(type, bytes, 0, values.subarray(first * columns, (first + count) * columns))
  }
  return values
}

function notFinite({ name, source: { name: file } }: Tensor, first: number, count: number): CheckpointError {
  const where = count === 1 ? `in row ${first} ` : `in rows ${first} to ${first + count - 1} `
  const problem = `${file}: the tensor ${quoted(name)} has ${where}a weight that is infinite or not a number.`
  return new CheckpointError('invalid-checkpoint', problem, {
    file,
    field: name,
    remedy: 'The file is damaged, or was made wrongly: download it again, or take another quantisation.',
  })
}

function unreadable(tensor: Tensor, code: 'unsupported-type' | 'unsupported-format', problem: string): CheckpointError {
  const file = tensor.source.name
  return new CheckpointError(code, `${file}: the tensor ${quoted(tensor.name)} ${problem}.`, {
    file,
    field: tensor.name,
    remedy: `Download the model in one of ${DECODABLE_TYPES.join(', ')}.`,
  })
}
