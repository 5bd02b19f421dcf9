import { CheckpointError } from '../../errors.ts'
import { readFloat32, readRows } from '../../weights/read.ts'
import type { Tensor } from '../../weights/tensor.ts'
import { type MemoryViews, type PlacedMatrix, packRows } from './layout/pack.ts'
import type { Plan } from './plan.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (bytes: number) => void
}

/** Streams every weight of a plan to its place, through a staging buffer of some MiB. */
export async function loadWeights(
  plan: Plan,
  memory: MemoryViews,
  tensors: ReadonlyMap<string, Tensor>,
  { signal, onProgress }: LoadOptions,
): Promise<void> {
  let done = 0
  for (const [name, matrix] of plan.matrices) {
    const tensor = tensorOf(tensors, name)
    requireShape(tensor, matrix)
    const rowBytes = tensor.byteLength / matrix.rows
    for await (const { first, count, bytes } of readRows(tensor, signal)) {
      packRows(memory, matrix, first, count, bytes)
      onProgress?.(done + (first + count) * rowBytes)
    }
    done += tensor.byteLength
  }
  const floats = new Float32Array(memory.bytes.buffer)
  for (const [name, { address, length }] of plan.vectors) {
    const tensor = tensorOf(tensors, name)
    const values = await readFloat32(tensor, signal)
    if (values.length !== length) throw wrongShape(tensor, `[${length}]`)
    floats.set(values, address / 4)
    done += tensor.byteLength
    onProgress?.(done)
  }
}

function tensorOf(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new CheckpointError('invalid-checkpoint', `The tensor ${name} is missing.`, { field: name })
  return tensor
}

function requireShape(tensor: Tensor, { rows, columns, type }: PlacedMatrix): void {
  const { shape } = tensor
  const stored = shape.slice(0, -1).reduce((product, length) => product * length, 1)
  if (shape[shape.length - 1] === columns && stored === rows && tensor.type === type) return
  throw wrongShape(tensor, `${type} [${rows}, ${columns}]`)
}

function wrongShape({ name, type, shape, source }: Tensor, expected: string): CheckpointError {
  const found = `${type} [${shape.join(', ')}]`
  const message = `${source.name}: the tensor ${name} is ${found}, but the model was compiled for ${expected}.`
  return new CheckpointError('invalid-checkpoint', message, { file: source.name, field: name })
}
