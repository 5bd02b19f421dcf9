import { CheckpointError } from '../../errors.ts'
import { readFloat32, readRows } from '../../weights/read.ts'
import type { Tensor } from '../../weights/tensor.ts'
import { type MemoryViews, type PlacedMatrix, packRows } from './layout/pack.ts'
import type { PlacedVector, Plan } from './plan.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (bytes: number) => void
}

/** What a bank holds, and its memory. */
export interface BankToLoad {
  readonly plan: Plan
  readonly views: MemoryViews
}

/** Streams every weight of a model to its place, or places, through a staging buffer of some MiB. */
export async function loadWeights(
  banks: readonly BankToLoad[],
  tensors: ReadonlyMap<string, Tensor>,
  { signal, onProgress }: LoadOptions,
): Promise<void> {
  let done = 0
  const seen = new Set<string>()
  for (const name of banks.flatMap(({ plan }) => [...plan.matrices.keys(), ...plan.vectors.keys()])) {
    if (seen.has(name)) continue
    seen.add(name)
    const tensor = tensorOf(tensors, name)
    const report = (share: number) => onProgress?.(done + share * tensor.byteLength)
    for (const { plan, views } of banks) {
      const matrix = plan.matrices.get(name)
      const vector = plan.vectors.get(name)
      if (matrix) await loadMatrix(tensor, matrix, views, signal, report)
      if (vector) await loadVector(tensor, vector, views, signal)
    }
    done += tensor.byteLength
    onProgress?.(done)
  }
}

async function loadMatrix(
  tensor: Tensor,
  matrix: PlacedMatrix,
  views: MemoryViews,
  signal: AbortSignal | undefined,
  report: (share: number) => void,
): Promise<void> {
  requireShape(tensor, matrix)
  for await (const { first, count, bytes } of readRows(tensor, signal)) {
    packRows(views, matrix, first, count, bytes)
    report((first + count) / matrix.rows)
  }
}

async function loadVector(
  tensor: Tensor,
  { address, length }: PlacedVector,
  { floats }: MemoryViews,
  signal: AbortSignal | undefined,
): Promise<void> {
  const values = await readFloat32(tensor, signal)
  if (values.length !== length) throw wrongShape(tensor, `[${length}]`)
  floats.set(values, address / 4)
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
