import type { ByteSource } from '../bytes/byte-source.ts'
import type { ElementType } from './element-type.ts'

/** Where one tensor lies in a checkpoint. Nothing is read until someone asks for its bytes. */
export interface Tensor {
  /** As written in the file. */
  readonly name: string
  readonly type: ElementType
  /** Outermost dimension first, as in PyTorch: a matrix that maps `columns` to `rows` is [rows, columns]. */
  readonly shape: readonly number[]
  readonly source: ByteSource
  /** Of the first byte, from the start of `source`. */
  readonly offset: number
  readonly byteLength: number
}
