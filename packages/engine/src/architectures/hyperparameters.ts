import { CheckpointError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'

/** No model has a size beyond this; larger numbers in a header are lies. */
const LARGEST_SIZE = 2 ** 31 - 1

/** Typed access to a checkpoint's configuration, with errors that name the file and the field. */
export class Hyperparameters {
  readonly file: string
  readonly #get: (field: string) => unknown
  readonly #prefix: string

  /** @param prefix of the field names, in messages */
  constructor(file: string, get: (field: string) => unknown, prefix = '') {
    this.file = file
    this.#get = get
    this.#prefix = prefix
  }

  has(field: string): boolean {
    const value = this.#get(field)
    return value !== undefined && value !== null
  }

  /** A positive whole number. */
  size(field: string, fallback?: number): number {
    const value = this.number(field, fallback)
    if (Number.isInteger(value) && value > 0 && value <= LARGEST_SIZE) return value
    throw this.#fail(field, `is ${value}, not a positive whole number`)
  }

  /** A positive number. */
  positive(field: string, fallback?: number): number {
    const value = this.number(field, fallback)
    if (value > 0) return value
    throw this.#fail(field, `is ${value}, not a positive number`)
  }

  number(field: string, fallback?: number): number {
    const value = this.#get(field) ?? fallback
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (typeof value === 'bigint') throw this.#fail(field, `is ${value}, which is out of range`)
    throw this.#fail(field, value === undefined ? 'is missing' : `is ${quoted(String(value))}, not a number`)
  }

  text(field: string, fallback?: string): string {
    const value = this.#get(field) ?? fallback
    if (typeof value === 'string') return value
    throw this.#fail(field, value === undefined ? 'is missing' : 'is not text')
  }

  boolean(field: string, fallback: boolean): boolean {
    const value = this.#get(field) ?? fallback
    if (typeof value === 'boolean') return value
    throw this.#fail(field, 'is neither true nor false')
  }

  unsupported(field: string, what: string): CheckpointError {
    return new CheckpointError(
      'unsupported-architecture',
      `${this.file}: ${this.#prefix}${field} is ${what}, which this version cannot run.`,
      {
        file: this.file,
        field: this.#prefix + field,
        remedy: 'Use a checkpoint without it, or a later version of laju.',
      },
    )
  }

  #fail(field: string, problem: string): CheckpointError {
    return new CheckpointError('invalid-checkpoint', `${this.file}: ${this.#prefix}${field} ${problem}.`, {
      file: this.file,
      field: this.#prefix + field,
      remedy: 'The configuration is broken; get the checkpoint again from its publisher.',
    })
  }
}
