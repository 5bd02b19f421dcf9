import { CheckpointError } from '../errors.ts'
import type { Weight } from '../graph/operations.ts'
import { DECODABLE_TYPES, isDecodable } from '../weights/element-type.ts'
import type { Tensor } from '../weights/tensor.ts'

/** A checkpoint's tensors by GGUF name, handed to an architecture with their shapes checked. */
export class ModelWeights {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly #file: string

  constructor(tensors: ReadonlyMap<string, Tensor>, file: string) {
    this.tensors = tensors
    this.#file = file
  }

  has(name: string): boolean {
    return this.tensors.has(name)
  }

  /** A weight that maps `columns` to `rows`. @throws CheckpointError when it is missing or has another shape or type */
  matrix(name: string, rows: number, columns: number): Weight {
    this.#require(name, [rows, columns])
    return { name, rows, columns }
  }

  /** A norm or bias. */
  vector(name: string, columns: number): Weight {
    this.#require(name, [columns])
    return { name, rows: 1, columns }
  }

  optionalVector(name: string, columns: number): Weight | undefined {
    return this.has(name) ? this.vector(name, columns) : undefined
  }

  #require(name: string, shape: readonly number[]): void {
    const tensor = this.tensors.get(name)
    const where = { file: this.#file, field: name }
    if (!tensor) {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${this.#file} has no tensor ${name}, which its architecture needs.`,
        {
          ...where,
          remedy: 'The file is incomplete or says the wrong architecture; get it again from its publisher.',
        },
      )
    }
    if (tensor.shape.length !== shape.length || shape.some((size, i) => tensor.shape[i] !== size)) {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${this.#file}: tensor ${name} is [${tensor.shape.join(', ')}], but the model's configuration asks for [${shape.join(', ')}].`,
        { ...where, remedy: 'The configuration does not belong to these weights; get the checkpoint again.' },
      )
    }
    if (!isDecodable(tensor.type)) {
      throw new CheckpointError(
        'unsupported-type',
        `${this.#file}: tensor ${name} is stored as ${tensor.type}, which this version cannot read.`,
        { ...where, remedy: `Use a file in ${DECODABLE_TYPES.join(', ')}.` },
      )
    }
  }
}
