import type { MetadataArray, MetadataValue } from './checkpoint.ts'

/** GGUF's number types by id, and the arrays that hold them as they are on the little-endian machines that we run on. */
export const NUMBER_TYPES = {
  uint8: { id: 0, array: Uint8Array },
  int8: { id: 1, array: Int8Array },
  uint16: { id: 2, array: Uint16Array },
  int16: { id: 3, array: Int16Array },
  uint32: { id: 4, array: Uint32Array },
  int32: { id: 5, array: Int32Array },
  float32: { id: 6, array: Float32Array },
  uint64: { id: 10, array: BigUint64Array },
  int64: { id: 11, array: BigInt64Array },
  float64: { id: 12, array: Float64Array },
} as const

export type NumberType = keyof typeof NUMBER_TYPES

export const BOOLEAN_ID = 7
export const STRING_ID = 8
export const ARRAY_ID = 9

/** A metadata value with its type in the file, where the value alone does not tell. */
export type GgufField =
  | { readonly type: NumberType; readonly value: number | bigint }
  | { readonly type?: undefined; readonly value: boolean | string | MetadataArray }

export function uint32(value: number): GgufField {
  return { type: 'uint32', value }
}

export function float32(value: number): GgufField {
  return { type: 'float32', value }
}

/** The metadata of a file as it is to be written to another. */
export function fieldsOf(
  metadata: ReadonlyMap<string, MetadataValue>,
  numberTypes: ReadonlyMap<string, NumberType>,
): Map<string, GgufField> {
  const fields = new Map<string, GgufField>()
  for (const [key, value] of metadata) {
    if (typeof value !== 'number' && typeof value !== 'bigint') fields.set(key, { value })
    else fields.set(key, { type: numberTypes.get(key) ?? 'float64', value })
  }
  return fields
}
