import { CheckpointError, type ErrorCode } from '../errors.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** What an adapter adds to one weight W: W x + scale B (A x). */
export interface AdapterPair {
  /** A, [rank, columns of W] */
  readonly a: Tensor
  /** B, [rows of W, rank] */
  readonly b: Tensor
  readonly rank: number
  readonly scale: number
}

/** A LoRA adapter as it lies on the disk: its header, and where its matrices are. */
export interface AdapterFile {
  readonly format: 'peft' | 'gguf'
  /** Path as given. */
  readonly name: string
  /** The model it was made for, as its author wrote it. */
  readonly baseModel: string | undefined
  /** The family of that model, which only GGUF adapters say. */
  readonly architecture: string | undefined
  /** By the name of the weight: Hugging Face's in `peft`, GGUF's in `gguf`. */
  readonly pairs: ReadonlyMap<string, AdapterPair>
  close(): Promise<void>
}

/** What makes any adapter loadable, whatever it does. */
export const MERGE =
  'Merge it into its model with PEFT (`merge_and_unload`), save the result, and load that as a model.'

/** Which weight a tensor belongs to, and as what; undefined for a tensor that has no place in a plain LoRA. */
export type PartOf = (tensor: string) => { readonly target: string; readonly part: 'a' | 'b' } | undefined

/**
 * Finds the two matrices of every weight, and checks that they fit each other.
 * @param scaleOf alpha / rank, or whatever the format makes of it
 * @throws CheckpointError `unsupported-adapter`, `invalid-checkpoint`
 */
export function pairTensors(
  file: string,
  tensors: readonly Tensor[],
  partOf: PartOf,
  scaleOf: (target: string, rank: number) => number,
): Map<string, AdapterPair> {
  const halves = new Map<string, { a?: Tensor; b?: Tensor }>()
  for (const tensor of tensors) {
    const { target, part } = partOf(tensor.name) ?? {}
    if (target === undefined || part === undefined) {
      const problem = `the tensor ${quoted(tensor.name)} is no part of a plain LoRA`
      throw adapterError('unsupported-adapter', file, tensor.name, problem, MERGE)
    }
    halves.set(target, { ...halves.get(target), [part]: tensor })
  }
  if (halves.size === 0) {
    throw adapterError('invalid-checkpoint', file, 'tensors', 'it has no tensors', 'Get the adapter again.')
  }
  return new Map([...halves].map(([target, half]) => [target, pairOf(file, target, half, scaleOf)]))
}

function pairOf(
  file: string,
  target: string,
  { a, b }: { a?: Tensor; b?: Tensor },
  scaleOf: (target: string, rank: number) => number,
): AdapterPair {
  const broken = (tensor: string, problem: string) =>
    adapterError('invalid-checkpoint', file, tensor, problem, 'The file is incomplete or damaged; get it again.')
  if (!a || !b) throw broken(target, `of the two matrices for ${quoted(target)} one is missing`)
  for (const { name, shape } of [a, b]) {
    if (shape.length !== 2 || shape.includes(0)) {
      throw broken(name, `the tensor ${quoted(name)} is [${shape.slice(0, 8).join(', ')}], not a matrix`)
    }
  }
  const [[rank, columns], [rows, width]] = [a.shape, b.shape]
  // No more is ever of use: a larger one claims memory that no weight of this shape explains.
  if (rank !== width || rank > Math.max(rows, columns)) {
    const shapes = `[${a.shape.join(', ')}] and [${b.shape.join(', ')}]`
    throw broken(b.name, `the matrices for ${quoted(target)} are ${shapes}, which is no update of low rank`)
  }
  const scale = scaleOf(target, rank)
  if (!Number.isFinite(scale)) throw broken(target, `the scale of ${quoted(target)} is ${scale}`)
  return { a, b, rank, scale }
}

/** @param problem a clause that follows the name of the file */
export function adapterError(
  code: ErrorCode,
  file: string,
  field: string,
  problem: string,
  remedy: string,
): CheckpointError {
  return new CheckpointError(code, `${file}: ${problem}.`, { file, field, remedy })
}
