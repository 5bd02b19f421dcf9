import type { NumberType } from './gguf-fields.ts'
import type { StringArray } from './string-array.ts'
import type { Tensor } from './tensor.ts'

/**
 * A GGUF metadata value. 64-bit integers beyond 2^53 stay bigint; numeric arrays are typed arrays, arrays of strings
 * StringArrays.
 */
export type MetadataValue = number | bigint | boolean | string | MetadataArray

export type MetadataArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array
  | boolean[]
  | StringArray
  | MetadataArray[]

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject
export type JsonObject = { [key: string]: JsonValue }

/** A GGUF file: its key-value metadata and its tensors. */
export interface GgufCheckpoint {
  readonly format: 'gguf'
  /** Path as given. */
  readonly name: string
  readonly version: number
  readonly metadata: ReadonlyMap<string, MetadataValue>
  /** How the metadata that are single numbers are stored. */
  readonly numberTypes: ReadonlyMap<string, NumberType>
  readonly tensors: ReadonlyMap<string, Tensor>
  close(): Promise<void>
}

/** A Hugging Face folder: safetensors files and the JSON beside them. */
export interface SafetensorsCheckpoint {
  readonly format: 'safetensors'
  readonly name: string
  /** config.json */
  readonly config: JsonObject
  /** generation_config.json, where present. */
  readonly generationConfig: JsonObject | undefined
  /** tokenizer.json as its undecoded bytes, where present: parsing it is the tokenizer's business. */
  readonly tokenizer: Uint8Array | undefined
  /** tokenizer.model, where there is no tokenizer.json. */
  readonly sentencePiece: Uint8Array | undefined
  /** tokenizer_config.json, where present. */
  readonly tokenizerConfig: JsonObject | undefined
  /** chat_template.jinja, where present; else look into tokenizerConfig. */
  readonly chatTemplate: string | undefined
  readonly tensors: ReadonlyMap<string, Tensor>
  close(): Promise<void>
}

export type Checkpoint = GgufCheckpoint | SafetensorsCheckpoint
